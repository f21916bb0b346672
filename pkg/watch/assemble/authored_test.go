package assemble

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rulesOf returns the World's rules by name, with their generations.
func rulesOf(w *mesh.World) map[string]int64 {
	found := map[string]int64{}
	for name, rule := range w.ConfigObjects.All() {
		found[name] = rule.Generation
	}
	return found
}

func TestRulesAreThoseOfTheMesh(t *testing.T) {
	key := object.Key{Kind: object.KindVirtualService, Namespace: "shop", Name: "cart"}
	used := &object.VirtualService{Spec: &networking.VirtualService{}}
	a := newTestAssembler()
	a.set(object.Object{Key: key, Generation: 1, Value: used})
	a.set(object.Object{Key: object.Key{Kind: object.KindVirtualService, Namespace: "shop", Name: "gateway-only"}, Generation: 1})
	a.set(object.Object{Key: object.Key{Kind: object.KindDestinationRule, Namespace: "shop", Name: "broken"}, Generation: 4, Problems: []mesh.Problem{{Code: mesh.CodeInvalidValue}}})
	a.set(object.Object{Key: object.Key{Kind: object.KindService, Namespace: "shop", Name: "cart"}, Generation: 1})
	first := a.World()
	want := map[string]int64{"VirtualService shop/cart": 1, "DestinationRule shop/broken": 4}
	if diff := cmp.Diff(want, rulesOf(first)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}

	a.set(object.Object{Key: key, Generation: 1, Value: used})
	if again := a.World(); again != first {
		t.Error("an unchanged object made a new World")
	}

	a.set(object.Object{Key: key, Generation: 2, Value: used})
	a.remove(object.Key{Kind: object.KindDestinationRule, Namespace: "shop", Name: "broken"})
	next := a.World()
	if diff := cmp.Diff(map[string]int64{"VirtualService shop/cart": 2}, rulesOf(next)); diff != "" {
		t.Errorf("rules after a change (-want +got):\n%s", diff)
	}
	if len(next.Changed) > 0 || slices.Equal(next.Problems, first.Problems) {
		t.Errorf("got changed hosts %v and Problems %v, want no host and no Problem", next.Changed, next.Problems)
	}
}
