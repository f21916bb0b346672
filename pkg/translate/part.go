package translate

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Part says of a part of a resource where an author wrote it. There may be two for one part.
type Part struct {
	// Path is that of the part in the message, such as virtual_hosts[0].routes[2]; empty is the whole of it.
	Path string
	Ref  mesh.Ref
	// Field is the path in the object.
	Field string
}

func (s site) part(path string) Part { return Part{path, s.ref, s.path} }

// parts say where the route of that index comes from: the match of a rule and, of one merged, the other rule besides.
func (r ruling) parts(index int, field string) []Part {
	path := "virtual_hosts[0].routes[" + strconv.Itoa(index) + "]"
	if r.origins == nil {
		return []Part{{path, r.at.ref, field}}
	}
	match, other := r.origins.place(field), r.by
	if match.ref == r.by.ref {
		other = r.origins[""]
	}
	return []Part{match.part(path), other.part(path)}
}

// parts say where a cluster and its settings come from.
func (s settings) parts(subset *mesh.Subset) []Part {
	all := subsetParts(subset)
	for _, p := range []Part{
		s.loadBalancerAt.part("load_balancing_policy"),
		s.connectionPoolAt.part("circuit_breakers"),
		s.outlierAt.part("outlier_detection"),
		s.tlsAt.part("transport_socket"),
	} {
		if p.Field != "" {
			all = append(all, p)
		}
	}
	return append(all, s.wishedParts()...)
}

// endpointParts say where groups of endpoints come from: the subset that selects them, and the settings that order them.
func (s settings) endpointParts(subset *mesh.Subset, groups int) []Part {
	all := subsetParts(subset)
	if s.loadBalancer.GetLocalityLbSetting() != nil || s.loadBalancer.GetZoneAwareLbSetting() != nil {
		for i := range groups {
			all = append(all, s.loadBalancerAt.part("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	if wish := s.wishes.SubsetSize; wish.Value > 0 {
		for i := range groups {
			all = append(all, s.wishes.on(wish.Ref, mesh.AnnotationSubsetSize).part("endpoints["+strconv.Itoa(i)+"]"))
		}
	}
	return all
}

func subsetParts(subset *mesh.Subset) []Part {
	if subset == nil {
		return nil
	}
	return []Part{{Ref: subset.Ref, Field: subset.Field}}
}
