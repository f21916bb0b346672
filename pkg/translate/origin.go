package translate

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Origin says of a part of a resource where an author wrote it. There may be two for one part.
type Origin struct {
	// Path is that of the part in the message, such as virtual_hosts[0].routes[2]; empty is the whole of it.
	Path string
	Ref  mesh.Ref
	// Field is the path in the object.
	Field string
}

func (s fieldReporter) origin(path string) Origin { return Origin{path, s.ref, s.path} }

// originsOf say where the route of that index comes from: the match of a rule and, of one merged, the other rule besides.
func (r boundRule) originsOf(index int, field string) []Origin {
	path := "virtual_hosts[0].routes[" + strconv.Itoa(index) + "]"
	if r.provenance == nil {
		return []Origin{{path, r.at.ref, field}}
	}
	match, other := r.provenance.locate(field), r.delegatedBy
	if match.ref == r.delegatedBy.ref {
		other = r.provenance[""]
	}
	return []Origin{match.origin(path), other.origin(path)}
}

// origins say where a cluster and its settings come from.
func (s settings) origins(subset *mesh.Subset) []Origin {
	all := subsetOrigins(subset)
	for _, p := range []Origin{
		s.loadBalancerAt.origin("load_balancing_policy"),
		s.connectionPoolAt.origin("circuit_breakers"),
		s.outlierAt.origin("outlier_detection"),
		s.tlsAt.origin("transport_socket"),
	} {
		if p.Field != "" {
			all = append(all, p)
		}
	}
	return append(all, s.annotationOrigins()...)
}

// endpointOrigins say where groups of endpoints come from: the subset that selects them, and the settings that order them.
func (s settings) endpointOrigins(subset *mesh.Subset, groups int) []Origin {
	all := subsetOrigins(subset)
	if s.loadBalancer.GetLocalityLbSetting() != nil || s.loadBalancer.GetZoneAwareLbSetting() != nil {
		for i := range groups {
			all = append(all, s.loadBalancerAt.origin("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	if wish := s.annotations.SubsetSize; wish.Value > 0 {
		for i := range groups {
			all = append(all, s.annotations.at(wish.Ref, mesh.AnnotationSubsetSize).origin("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	return all
}

func subsetOrigins(subset *mesh.Subset) []Origin {
	if subset == nil {
		return nil
	}
	return []Origin{{Ref: subset.Ref, Field: subset.Field}}
}
