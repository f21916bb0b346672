package policy

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Annotations are the settings by annotation that apply to a host. They apply to all ports and subsets. A setting
// in a spec takes precedence over an annotation for the same.
type Annotations struct {
	mesh.AnnotationSettings

	sink *[]mesh.Problem
}

// AnnotationsFor returns the annotations of the DestinationRules and, where these do not set one, of the Service.
// rule may be nil.
func AnnotationsFor(sink *[]mesh.Problem, service *mesh.Service, rule *mesh.MergedDestinationRule) Annotations {
	a := Annotations{service.Annotations, sink}
	if rule != nil {
		a.AnnotationSettings = rule.Annotations.Or(service.Annotations)
	}
	return a
}

// At returns the field of an annotation in an object.
func (a Annotations) At(ref mesh.Ref, annotation string) report.Field {
	return report.Field{Sink: a.sink, Ref: ref, Path: "metadata.annotations[" + annotation + "]"}
}

// annotationOrigins returns the Origins of the parts of a cluster that are made from annotations.
func (s Settings) annotationOrigins() []report.Origin {
	var all []report.Origin
	if balancer := s.Annotations.Balancer; balancer.Value != "" && !NamesBalancer(s.LoadBalancer) {
		all = append(all, s.Annotations.At(balancer.Ref, mesh.AnnotationBalancer).Origin("load_balancing_policy"))
	}
	if rate := s.Annotations.SuccessRate; rate.Value != (mesh.SuccessRate{}) {
		all = append(all, s.Annotations.At(rate.Ref, mesh.AnnotationSuccessRate).Origin("outlier_detection"))
	}
	return all
}

// AddRefs appends the objects whose annotations the endpoints depend on.
func (a Annotations) AddRefs(refs []mesh.Ref) []mesh.Ref {
	for _, ref := range []mesh.Ref{a.SubsetSize.Ref, a.Balancer.Ref} {
		if ref != (mesh.Ref{}) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// NamesBalancer reports whether a spec sets a load balancing policy.
func NamesBalancer(lb *networking.LoadBalancerSettings) bool {
	return lb.GetConsistentHash() != nil || lb.GetSimple() != networking.LoadBalancerSettings_UNSPECIFIED
}

// PicksFirst reports whether calls go to the first endpoint, in whatever locality it is.
func PicksFirst(s Settings) bool {
	return s.Annotations.Balancer.Value == mesh.PickFirst && !NamesBalancer(s.LoadBalancer)
}
