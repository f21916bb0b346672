package assemble

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// entry makes a ServiceEntry; see watchtest.VirtualService.
func entry(name, age, spec string) string {
	return strings.Replace(watchtest.VirtualService(name, age, spec), "VirtualService", "ServiceEntry", 1)
}

// TestNamedHistories has histories that were wrong once. It expects of each step what TestHistories expects.
func TestNamedHistories(t *testing.T) {
	const byMatch, byAll = "http: [{match: [{uri: {prefix: /x}}], route: [{destination: {host: echo.demo}}]}]", "http: [{route: [{destination: {host: echo.demo}}]}]"
	const caller = "hosts: [echo], http: [{route: [{destination: {host: api.example.com}}]}]"
	const open = "hosts: [api.example.com], ports: [{name: grpc, number: 80}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
	const gone = "gone:"
	tests := map[string][]string{
		"a delegate decides whether another VirtualService is used": {
			watchtest.EchoService + watchtest.VirtualService("a", "01", "hosts: [echo], http: [{delegate: {name: d}}]") + watchtest.VirtualService("b", "02", "hosts: [echo], "+byAll) + watchtest.VirtualService("d", "01", byMatch),
			watchtest.VirtualService("d", "01", byAll),
			watchtest.VirtualService("d", "01", byMatch),
			gone + watchtest.VirtualService("d", "01", byMatch),
		},
		"the destination is of the first namespace that declares it, and then of another": {
			watchtest.EchoService + watchtest.VirtualService("v", "01", caller) + entry("e", "02", open) + watchtest.DestinationRule("r", "01", "host: api.example.com"),
			entry("other/e", "01", open+", exportTo: [.]"),
			entry("other/e", "01", open),
			gone + entry("other/e", "01", open),
		},
		"the destination is a host, and then a name below a wildcard": {
			watchtest.EchoService + watchtest.VirtualService("v", "01", caller) + entry("e", "01", open),
			entry("e", "01", strings.Replace(open, "[api.example.com]", "['*.example.com']", 1)),
			entry("e", "01", open),
		},
		"the destination is below a wildcard, and then below that of its own namespace": {
			watchtest.EchoService + watchtest.VirtualService("v", "01", caller) + entry("other/e", "01", strings.Replace(open, "[api.example.com]", "['*.example.com']", 1)),
			entry("e", "02", strings.Replace(open, "[api.example.com]", "['*.example.com']", 1)),
			watchtest.DestinationRule("r", "01", "host: '*.example.com'"),
			entry("e", "02", strings.Replace(open, "[api.example.com]", "['*.com', x.com]", 1)),
			gone + entry("other/e", "01", open),
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			a, objects := New(podOptions), map[object.Key]object.Object{}
			last := a.World()
			for i, text := range steps {
				text, removed := strings.CutPrefix(text, gone)
				for _, o := range watchtest.Objects(t, text) {
					if removed {
						delete(objects, o.Key)
						a.remove(o.Key)
					} else {
						objects[o.Key] = *o
						a.set(*o)
					}
				}
				w := a.World()
				if d := watchtest.Diff(w, fromScratch(r, objects)); d != "" {
					t.Fatalf("step %d: the World differs from a new one of the same objects (-want +got):\n%s", i, d)
				}
				checkAllShared(t, last, w)
				last = w
			}
		})
	}
}
