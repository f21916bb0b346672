package history_test

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// manifests are 10,000 Services with a rule each.
func manifests() map[string]*mesh.Manifest {
	all := map[string]*mesh.Manifest{}
	for i := range 10_000 {
		for kind, text := range map[string]string{
			"Service":        `{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"app":"s%[1]d"},"name":"s%[1]d","namespace":"shop"},"spec":{"ports":[{"name":"grpc","port":80}],"selector":{"app":"s%[1]d"}}}`,
			"VirtualService": `{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"s%[1]d","namespace":"shop"},"spec":{"hosts":["s%[1]d"],"http":[{"route":[{"destination":{"host":"s%[1]d"}}],"timeout":"5s"}]}}`,
		} {
			m := mesh.NewManifest(mesh.Ref{Kind: kind, Namespace: "shop", Name: fmt.Sprintf("s%d", i)}, fmt.Sprintf(text, i))
			all[m.Ref.String()] = m
		}
	}
	return all
}

func worldOf(set mesh.Map[*mesh.Manifest]) *mesh.World {
	w := &mesh.World{Revision: 1, Domain: "cluster.local", Manifests: set}
	for _, m := range set.All() {
		w.Configuration = w.Configuration.Plus(m)
	}
	return w
}

// BenchmarkRecord records an edit of one of 20,000 objects.
func BenchmarkRecord(b *testing.B) {
	world := worldOf(mesh.Map[*mesh.Manifest]{}.With(manifests(), nil))
	s := history.New(history.Options{})
	s.Published(&serving.Publication{World: world, Effect: &serving.Effect{}})
	for i := 0; b.Loop(); i++ {
		before, _ := world.Manifests.Get("Service shop/s7")
		edited := mesh.NewManifest(before.Ref, fmt.Sprintf(`{"edit":%d}`, i))
		next := *world
		next.Manifests = world.Manifests.With(map[string]*mesh.Manifest{"Service shop/s7": edited}, nil)
		next.Configuration = world.Configuration.Minus(before).Plus(edited)
		s.Published(&serving.Publication{World: &next, Effect: &serving.Effect{}})
		world = &next
	}
}

// BenchmarkWorldOfGeneration makes the World of a generation with 20,000 objects, without endpoints.
func BenchmarkWorldOfGeneration(b *testing.B) {
	s := history.New(history.Options{})
	s.Published(&serving.Publication{World: worldOf(mesh.Map[*mesh.Manifest]{}.With(manifests(), nil)), Effect: &serving.Effect{}})
	for b.Loop() {
		objects, err := s.Objects("current")
		if err != nil {
			b.Fatal(err)
		}
		watch.Assemble(watch.Options{}, watch.Changes{Objects: objects})
	}
}
