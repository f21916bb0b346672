package policy

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Origins returns the Origins of a cluster: its subset and its settings.
func (s Settings) Origins(subset *mesh.Subset) []report.Origin {
	all := subsetOrigins(subset)
	for _, p := range []report.Origin{
		s.LoadBalancerAt.Origin("load_balancing_policy"),
		s.ConnectionPoolAt.Origin("circuit_breakers"),
		s.OutlierAt.Origin("outlier_detection"),
		s.TLSAt.Origin("transport_socket"),
	} {
		if p.Field != "" {
			all = append(all, p)
		}
	}
	return append(all, s.annotationOrigins()...)
}

// EndpointOrigins returns the Origins of the endpoints: the subset that selects them, and the settings that order
// them. groups is the number of localities in the message.
func (s Settings) EndpointOrigins(subset *mesh.Subset, groups int) []report.Origin {
	all := subsetOrigins(subset)
	if s.LoadBalancer.GetLocalityLbSetting() != nil || s.LoadBalancer.GetZoneAwareLbSetting() != nil {
		for i := range groups {
			all = append(all, s.LoadBalancerAt.Origin("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	if size := s.Annotations.SubsetSize; size.Value > 0 {
		for i := range groups {
			all = append(all, s.Annotations.At(size.Ref, mesh.AnnotationSubsetSize).Origin("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	return all
}

func subsetOrigins(subset *mesh.Subset) []report.Origin {
	if subset == nil {
		return nil
	}
	return []report.Origin{{Ref: subset.Ref, Field: subset.Field}}
}
