package mesh

import (
	"slices"
	"testing"
)

func TestSpot(t *testing.T) {
	here := Locality{Region: "r", Zone: "z"}
	tests := map[string]struct {
		spot, same Spot
		node       string
		locality   Locality
		hints      []string
	}{
		"nowhere":           {Spot{}, MakeSpot("", Locality{}), "", Locality{}, nil},
		"a node":            {MakeSpot("n", here), Spot{}.At("n", here), "n", here, nil},
		"hints, repeated":   {MakeSpot("", here, "b", "a", "b"), MakeSpot("", here, "a", "b"), "", here, []string{"a", "b"}},
		"hints that travel": {MakeSpot("", Locality{}, "a").At("n", here), MakeSpot("n", here, "a"), "n", here, []string{"a"}},
		"back to nowhere":   {MakeSpot("n", here).At("", Locality{}), Spot{}, "", Locality{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.spot != test.same || test.spot.Compare(test.same) != 0 {
				t.Errorf("got %v and %v, want the same spot", test.spot, test.same)
			}
			if got := test.spot.Node(); got != test.node {
				t.Errorf("node: got %q, want %q", got, test.node)
			}
			if got := test.spot.Locality(); got != test.locality {
				t.Errorf("locality: got %q, want %q", got, test.locality)
			}
			if got := test.spot.Hints(); !slices.Equal(got, test.hints) {
				t.Errorf("hints: got %q, want %q", got, test.hints)
			}
		})
	}
}

// TestSpotsDiffer compares spots that differ in one part each.
func TestSpotsDiffer(t *testing.T) {
	spots := []Spot{
		{},
		MakeSpot("n", Locality{}), MakeSpot("", Locality{Region: "n"}), MakeSpot("", Locality{Zone: "n"}), MakeSpot("", Locality{SubZone: "n"}),
		MakeSpot("", Locality{}, "n"), MakeSpot("", Locality{}, "n", "o"),
	}
	for i, a := range spots {
		for j, b := range spots {
			if (a == b) != (i == j) || (a.Compare(b) == 0) != (i == j) || a.Compare(b) != -b.Compare(a) {
				t.Errorf("%v and %v: equal: %t, compared: %d", a, b, a == b, a.Compare(b))
			}
		}
	}
}

// TestMakeSpotKeepsItsHints hands over a list that belongs to somebody else.
func TestMakeSpotKeepsItsHints(t *testing.T) {
	hints := []string{"a", "a", "b"}
	MakeSpot("n", Locality{}, hints...)
	if want := []string{"a", "a", "b"}; !slices.Equal(hints, want) {
		t.Errorf("got hints %q afterwards, want %q", hints, want)
	}
}
