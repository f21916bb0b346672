package watch

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// rulesOf lists the World's rules by name, with their generations.
func rulesOf(w *mesh.World) map[string]int64 {
	found := map[string]int64{}
	for name, rule := range w.Rules.All() {
		found[name] = rule.Generation
	}
	return found
}

func TestRulesAreThoseOfTheMesh(t *testing.T) {
	key := objectKey{KindVirtualService, "shop", "cart"}
	used := &virtualService{spec: &networking.VirtualService{}}
	a := newAssembler(Options{}.withDefaults())
	a.set(object{key: key, generation: 1, value: used})
	a.set(object{key: objectKey{KindVirtualService, "shop", "gateway-only"}, generation: 1})
	a.set(object{key: objectKey{KindDestinationRule, "shop", "broken"}, generation: 4, problems: []mesh.Problem{{Code: mesh.CodeInvalidValue}}})
	a.set(object{key: objectKey{KindService, "shop", "cart"}, generation: 1})
	first := a.world()
	want := map[string]int64{"VirtualService shop/cart": 1, "DestinationRule shop/broken": 4}
	if diff := cmp.Diff(want, rulesOf(first)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}

	a.set(object{key: key, generation: 1, value: used})
	if again := a.world(); again != first {
		t.Error("an object that is as it was made a new World")
	}

	a.set(object{key: key, generation: 2, value: used})
	a.remove(objectKey{KindDestinationRule, "shop", "broken"})
	next := a.world()
	if diff := cmp.Diff(map[string]int64{"VirtualService shop/cart": 2}, rulesOf(next)); diff != "" {
		t.Errorf("rules after a change (-want +got):\n%s", diff)
	}
	if len(next.Changed) > 0 || slices.Equal(next.Problems, first.Problems) {
		t.Errorf("got changed hosts %v and Problems %v, want no host, and the Problem gone", next.Changed, next.Problems)
	}
}
