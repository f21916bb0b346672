package policy

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Annotations are what annotations ask for beyond the Istio API. They hold for all ports and subsets of a host; what a spec says of
// the same matter comes before them.
type Annotations struct {
	mesh.AnnotationSettings

	sink *[]mesh.Problem
}

// AnnotationsFor takes the word of DestinationRules before that of the Service. p may be nil.
func AnnotationsFor(sink *[]mesh.Problem, service *mesh.Service, p *mesh.MergedDestinationRule) Annotations {
	w := Annotations{service.Annotations, sink}
	if p != nil {
		w.AnnotationSettings = p.Annotations.Or(service.Annotations)
	}
	return w
}

// At is where a wish is written.
func (w Annotations) At(ref mesh.Ref, annotation string) report.Field {
	return report.Field{Sink: w.sink, Ref: ref, Path: "metadata.annotations[" + annotation + "]"}
}

// annotationOrigins say which settings of a cluster come from annotations.
func (s Settings) annotationOrigins() []report.Origin {
	var all []report.Origin
	if wish := s.Annotations.Balancer; wish.Value != "" && !NamesBalancer(s.LoadBalancer) {
		all = append(all, s.Annotations.At(wish.Ref, mesh.AnnotationBalancer).Origin("load_balancing_policy"))
	}
	if wish := s.Annotations.SuccessRate; wish.Value != (mesh.SuccessRate{}) {
		all = append(all, s.Annotations.At(wish.Ref, mesh.AnnotationSuccessRate).Origin("outlier_detection"))
	}
	return all
}

// AddRefs adds the objects whose wishes endpoints depend on.
func (w Annotations) AddRefs(refs []mesh.Ref) []mesh.Ref {
	for _, ref := range []mesh.Ref{w.SubsetSize.Ref, w.Balancer.Ref} {
		if ref != (mesh.Ref{}) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// NamesBalancer says whether a spec chooses the load balancer itself.
func NamesBalancer(lb *networking.LoadBalancerSettings) bool {
	return lb.GetConsistentHash() != nil || lb.GetSimple() != networking.LoadBalancerSettings_UNSPECIFIED
}

// PicksFirst says whether calls go to the first endpoint, wherever it is.
func PicksFirst(s Settings) bool {
	return s.Annotations.Balancer.Value == mesh.PickFirst && !NamesBalancer(s.LoadBalancer)
}
