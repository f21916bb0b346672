package assemble

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestMultimap compares a multimap with an index, through random additions and removals.
func TestMultimap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	got, want := newMultimap[string](), index[object.ID, string]{}
	for range 10_000 {
		id, value := object.ID{Namespace: watchtest.Pick(r, "ns1", "ns2"), Name: watchtest.Pick(r, "a", "b")}, watchtest.Pick(r, "u", "v", "w")
		if r.IntN(2) == 0 {
			got.add(id, value)
			want.add(id, value)
		} else {
			got.remove(id, value)
			want.remove(id, value)
		}
		values := slices.Sorted(got.all(id))
		if !slices.Equal(values, slices.Sorted(slices.Values(want[id]))) {
			t.Fatalf("%v: got %q, want %q in any order", id, values, want[id])
		}
		if only, ok := got.only(id); ok != (len(values) == 1) || ok && only != values[0] {
			t.Fatalf("%v: only returned %q, %t; want a value if %q has exactly one", id, only, ok, values)
		}
		if got.first["ns1"] != nil && len(got.first["ns1"]) == 0 {
			t.Fatal("a namespace without names was kept")
		}
	}
}
