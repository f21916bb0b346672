package mesh

import (
	"slices"
	"testing"
)

func TestTopology(t *testing.T) {
	here := Locality{Region: "r", Zone: "z"}
	tests := map[string]struct {
		topology, same Topology
		node           string
		locality       Locality
		hints          []string
	}{
		"nowhere":           {Topology{}, MakeTopology("", Locality{}), "", Locality{}, nil},
		"a node":            {MakeTopology("n", here), Topology{}.At("n", here), "n", here, nil},
		"hints, repeated":   {MakeTopology("", here, "b", "a", "b"), MakeTopology("", here, "a", "b"), "", here, []string{"a", "b"}},
		"hints that travel": {MakeTopology("", Locality{}, "a").At("n", here), MakeTopology("n", here, "a"), "n", here, []string{"a"}},
		"back to nowhere":   {MakeTopology("n", here).At("", Locality{}), Topology{}, "", Locality{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.topology != test.same || test.topology.Compare(test.same) != 0 {
				t.Errorf("got %v and %v, want the same topology", test.topology, test.same)
			}
			if got := test.topology.Node(); got != test.node {
				t.Errorf("node: got %q, want %q", got, test.node)
			}
			if got := test.topology.Locality(); got != test.locality {
				t.Errorf("locality: got %q, want %q", got, test.locality)
			}
			if got := test.topology.Hints(); !slices.Equal(got, test.hints) {
				t.Errorf("hints: got %q, want %q", got, test.hints)
			}
		})
	}
}

// TestTopologiesDiffer compares topologies that differ in one part each.
func TestTopologiesDiffer(t *testing.T) {
	topologies := []Topology{
		{},
		MakeTopology("n", Locality{}), MakeTopology("", Locality{Region: "n"}), MakeTopology("", Locality{Zone: "n"}), MakeTopology("", Locality{SubZone: "n"}),
		MakeTopology("", Locality{}, "n"), MakeTopology("", Locality{}, "n", "o"),
	}
	for i, a := range topologies {
		for j, b := range topologies {
			if (a == b) != (i == j) || (a.Compare(b) == 0) != (i == j) || a.Compare(b) != -b.Compare(a) {
				t.Errorf("%v and %v: equal: %t, compared: %d", a, b, a == b, a.Compare(b))
			}
		}
	}
}

// TestMakeTopologyKeepsItsHints checks that MakeTopology does not change the caller's slice.
func TestMakeTopologyKeepsItsHints(t *testing.T) {
	hints := []string{"a", "a", "b"}
	MakeTopology("n", Locality{}, hints...)
	if want := []string{"a", "a", "b"}; !slices.Equal(hints, want) {
		t.Errorf("got hints %q afterwards, want %q", hints, want)
	}
}
