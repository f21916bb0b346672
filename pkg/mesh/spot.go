package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unique"
)

// Spot is where an endpoint runs, and for whose clients it is meant. It is comparable, and as small as a pointer: a cluster has
// many endpoints on few nodes, so each spot is kept once. The zero Spot is nowhere, for everybody.
type Spot struct{ handle unique.Handle[spot] }

type spot struct {
	node     string
	locality Locality
	// hints are sorted, and joined by what stands in no zone's name.
	hints string
}

const hintSeparator = "\x00"

// MakeSpot makes the Spot of a node, a locality and the zones for whose clients it is meant, in any order.
func MakeSpot(node string, locality Locality, hints ...string) Spot {
	s := spot{node: node, locality: locality}
	if len(hints) > 0 {
		if !slices.IsSorted(hints) {
			hints = slices.Sorted(slices.Values(hints))
		}
		s.hints = strings.Join(slices.Compact(slices.Clone(hints)), hintSeparator)
	}
	return s.spot()
}

func (s spot) spot() Spot {
	if s == (spot{}) {
		return Spot{}
	}
	return Spot{unique.Make(s)}
}

func (s Spot) value() spot {
	if s == (Spot{}) {
		return spot{}
	}
	return s.handle.Value()
}

// Node is the name of the node, if it is known.
func (s Spot) Node() string { return s.value().node }

// Locality is that of the node, as far as it is known.
func (s Spot) Locality() Locality { return s.value().locality }

// Hints are the zones for whose clients the endpoint is meant, sorted; nil when nothing is said.
func (s Spot) Hints() []string {
	hints := s.value().hints
	if hints == "" {
		return nil
	}
	return strings.Split(hints, hintSeparator)
}

// At is the same spot on a node in a locality: the hints stay.
func (s Spot) At(node string, locality Locality) Spot {
	v := s.value()
	if v.node == node && v.locality == locality {
		return s
	}
	v.node, v.locality = node, locality
	return v.spot()
}

// Equal is ==.
func (s Spot) Equal(o Spot) bool { return s == o }

// Compare orders spots, so that none depends on the order in which they were met.
func (s Spot) Compare(o Spot) int {
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
func (s Spot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the parts of the spot, for people.
func (s Spot) String() string {
	v := s.value()
	return fmt.Sprintf("%q %q %q", v.node, v.locality, v.hints)
}
