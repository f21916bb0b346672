package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unique"
)

// Topology is where an endpoint runs, and for whose clients it is meant. It is comparable, and as small as a pointer: a cluster has
// many endpoints on few nodes, so each topology is kept once. The zero Topology is nowhere, for everybody.
type Topology struct{ handle unique.Handle[topology] }

type topology struct {
	node     string
	locality Locality
	// hints are sorted, and joined by what stands in no zone's name.
	hints string
}

const hintSeparator = "\x00"

// MakeTopology makes the Topology of a node, a locality and the zones for whose clients it is meant, in any order.
func MakeTopology(node string, locality Locality, hints ...string) Topology {
	s := topology{node: node, locality: locality}
	if len(hints) > 0 {
		if !slices.IsSorted(hints) {
			hints = slices.Sorted(slices.Values(hints))
		}
		s.hints = strings.Join(slices.Compact(slices.Clone(hints)), hintSeparator)
	}
	return s.intern()
}

func (s topology) intern() Topology {
	if s == (topology{}) {
		return Topology{}
	}
	return Topology{unique.Make(s)}
}

func (s Topology) value() topology {
	if s == (Topology{}) {
		return topology{}
	}
	return s.handle.Value()
}

// Node is the name of the node, if it is known.
func (s Topology) Node() string { return s.value().node }

// Locality is that of the node, as far as it is known.
func (s Topology) Locality() Locality { return s.value().locality }

// Hints are the zones for whose clients the endpoint is meant, sorted; nil when nothing is said.
func (s Topology) Hints() []string {
	hints := s.value().hints
	if hints == "" {
		return nil
	}
	return strings.Split(hints, hintSeparator)
}

// At is the same topology on a node in a locality: the hints stay.
func (s Topology) At(node string, locality Locality) Topology {
	v := s.value()
	if v.node == node && v.locality == locality {
		return s
	}
	v.node, v.locality = node, locality
	return v.intern()
}

// Equal is ==.
func (s Topology) Equal(o Topology) bool { return s == o }

// Compare orders topologies, so that none depends on the order in which they were met.
func (s Topology) Compare(o Topology) int {
	if s == o {
		return 0
	}
	a, b := s.value(), o.value()
	return cmp.Or(
		cmp.Compare(a.node, b.node), cmp.Compare(a.locality.Region, b.locality.Region), cmp.Compare(a.locality.Zone, b.locality.Zone),
		cmp.Compare(a.locality.SubZone, b.locality.SubZone), cmp.Compare(a.hints, b.hints),
	)
}

// MarshalText is String, so that a World that is printed says everything.
func (s Topology) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the parts of the topology, for people.
func (s Topology) String() string {
	v := s.value()
	return fmt.Sprintf("%q %q %q", v.node, v.locality, v.hints)
}
