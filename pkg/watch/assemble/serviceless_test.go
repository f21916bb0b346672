package assemble

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

func TestServiceless(t *testing.T) {
	tests := map[string]bool{
		"api.example.com": true, "api.shop.svc.cluster.local": true, "10.0.0.1": true, "*.example.com": true, "*.com": true,
		"*": false, "*.local": false, "*.svc.cluster.local": false, "*.demo.svc.cluster.local": false, "*ns.demo.svc.cluster.local": false,
		"*l": false, "*.cluster.locals": true,
	}
	for pattern, want := range tests {
		if got := serviceless(pattern, "cluster.local"); got != want {
			t.Errorf("%s: got %t, want %t", pattern, got, want)
		}
	}
}

// TestRoutesAlone checks the VirtualServices of serviceless hosts.
func TestRoutesAlone(t *testing.T) {
	const api = "api.example.com"
	tests := map[string]struct {
		text string
		// want has the candidates of each serviceless host.
		want     map[string][]string
		problems int
	}{
		"an exact host":         {watchtest.VirtualService("a", "01", "hosts: [api.example.com]"), map[string][]string{api: {"demo/a"}}, 0},
		"a short host":          {watchtest.VirtualService("a", "01", "hosts: [ecko]"), map[string][]string{"ecko.demo.svc.cluster.local": {"demo/a"}}, 1},
		"a wildcard":            {watchtest.VirtualService("a", "01", "hosts: ['*.example.com']"), map[string][]string{"*.example.com": {"demo/a"}}, 0},
		"a wildcard over both":  {watchtest.VirtualService("a", "01", "hosts: ['*']"), nil, 0},
		"a wildcard of nothing": {watchtest.VirtualService("a", "01", "hosts: ['*.x.svc.cluster.local']"), nil, 1},
		"exact before wildcards, and none that means Services": {
			watchtest.VirtualService("a", "01", "hosts: ['*']") + watchtest.VirtualService("b", "01", "hosts: ['*.com']") + watchtest.VirtualService("c", "01", "hosts: ['*.example.com']") + watchtest.VirtualService("d", "01", "hosts: [api.example.com]"),
			map[string][]string{api: {"demo/d", "demo/c", "demo/b"}, "*.example.com": {"demo/c", "demo/b"}, "*.com": {"demo/b"}},
			0,
		},
		"beside a gateway":   {watchtest.VirtualService("a", "01", "hosts: [api.example.com, ecko], gateways: [mesh, g]"), map[string][]string{api: {"demo/a"}, "ecko.demo.svc.cluster.local": {"demo/a"}}, 0},
		"for a gateway only": {watchtest.VirtualService("a", "01", "hosts: [api.example.com], gateways: [g]"), nil, 1},
		"beside a Service":   {watchtest.VirtualService("a", "01", "hosts: [api.example.com, echo]"), map[string][]string{api: {"demo/a"}}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newTestAssembler()
			w := apply(t, a, watchtest.EchoService+test.text)
			if d := cmp.Diff(test.want, servicelessOf(w)); d != "" {
				t.Errorf("candidates (-want +got):\n%s", d)
			}
			if len(w.Problems) != test.problems {
				t.Errorf("got problems %q, want %d", watchtest.ProblemLines(w), test.problems)
			}
			for _, o := range watchtest.Objects(t, test.text) {
				a.remove(o.Key)
			}
			if got := servicelessOf(a.World()); got != nil {
				t.Errorf("got %v after the VirtualServices were removed, want nothing", got)
			}
		})
	}
}

func servicelessOf(w *mesh.World) map[string][]string {
	var out map[string][]string
	for host, table := range w.VirtualServices.All() {
		if watchtest.Get(w.Services, host) != nil {
			continue
		}
		if out == nil {
			out = map[string][]string{}
		}
		for _, c := range table.Candidates {
			out[host] = append(out[host], c.VirtualService.Ref.Key())
		}
	}
	return out
}
