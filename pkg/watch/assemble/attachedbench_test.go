package assemble

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// BenchmarkAttached changes one of 5,000 GRPCRoutes, each of a Service: one that is alone, and one of 50 consumers of a Service.
func BenchmarkAttached(b *testing.B) {
	const services, consumers = 5000, 50
	a := New(podOptions)
	set := func(text string) {
		for _, o := range watchtest.Objects(b, text) {
			a.set(*o)
		}
	}
	for i := range services {
		set(fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n", i) +
			watchtest.Route("GRPCRoute", fmt.Sprintf("s%d", i), "01", fmt.Sprintf("name: s%d", i), fmt.Sprintf("{matches: [{method: {service: a.B}}], backendRefs: [{name: s%d, port: 80}]}", i)))
	}
	for i := range consumers {
		set(watchtest.Route("GRPCRoute", fmt.Sprintf("ns%d/c", i), "01", "name: s0, namespace: demo", "{backendRefs: [{name: s0, namespace: demo, port: 80}]}"))
	}
	a.World()
	edits := func(name, parent string) (all []*object.Object) {
		for weight := range 2 {
			all = append(all, watchtest.Objects(b, watchtest.Route("GRPCRoute", name, "01", parent, fmt.Sprintf("{backendRefs: [{name: s1, namespace: demo, port: 80, weight: %d}]}", weight+1)))...)
		}
		return all
	}
	for name, list := range map[string][]*object.Object{"alone": edits("s7", "name: s7"), "of 50 consumers": edits("ns7/c", "name: s0, namespace: demo")} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				a.set(*list[i%2])
				a.World()
				i++
			}
		})
	}
}
