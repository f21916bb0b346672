package policy

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Origins say where a cluster and its settings come from.
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

// EndpointOrigins say where groups of endpoints come from: the subset that selects them, and the settings that order them.
func (s Settings) EndpointOrigins(subset *mesh.Subset, groups int) []report.Origin {
	all := subsetOrigins(subset)
	if s.LoadBalancer.GetLocalityLbSetting() != nil || s.LoadBalancer.GetZoneAwareLbSetting() != nil {
		for i := range groups {
			all = append(all, s.LoadBalancerAt.Origin("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	if wish := s.Annotations.SubsetSize; wish.Value > 0 {
		for i := range groups {
			all = append(all, s.Annotations.At(wish.Ref, mesh.AnnotationSubsetSize).Origin("endpoints["+strconv.Itoa(i)+"]"))
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
