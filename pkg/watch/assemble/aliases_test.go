package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// externalName is a Service of type ExternalName in the namespace shop.
func externalName(name, external, ports string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {type: ExternalName, externalName: %q, ports: [%s]}\n", name, external, ports)
}

// TestAliases checks what an ExternalName refers to, in every order of arrival: the host of a Service or pod of the
// cluster, "nothing" for what is not there, or "outside" for a name that clients resolve by DNS.
func TestAliases(t *testing.T) {
	near := strings.NewReplacer("namespace: demo", "namespace: shop").Replace(watchtest.EchoService)
	tests := map[string]struct{ text, want string }{
		"full name":                 {externalName("x", "echo.demo.svc.cluster.local", ""), watchtest.EchoHost},
		"full name with a dot":      {externalName("x", "echo.demo.svc.cluster.local.", ""), watchtest.EchoHost},
		"in upper case":             {externalName("x", "Echo.DEMO.svc.Cluster.local", ""), watchtest.EchoHost},
		"without the domain":        {externalName("x", "echo.demo.svc", ""), watchtest.EchoHost},
		"with the namespace":        {externalName("x", "echo.demo", ""), watchtest.EchoHost},
		"in its namespace":          {near + externalName("x", "echo", ""), "echo.shop.svc.cluster.local"},
		"one name, not there":       {externalName("x", "localhost", ""), "outside"},
		"two names, not there":      {externalName("x", "example.com", ""), "outside"},
		"three names, not there":    {externalName("x", "api.example.com", ""), "outside"},
		"another domain":            {externalName("x", "echo.demo.svc.cluster.example", ""), "outside"},
		"no Service":                {externalName("x", "absent.demo.svc.cluster.local", ""), "nothing"},
		"no Service, short":         {externalName("x", "absent.demo.svc", ""), "nothing"},
		"no name of a Service":      {externalName("x", "demo.svc.cluster.local", ""), "nothing"},
		"a pod":                     {externalName("x", "web-0.echo.demo.svc.cluster.local", ""), "web-0." + watchtest.EchoHost},
		"a pod, short":              {externalName("x", "web-0.echo.demo", ""), "web-0." + watchtest.EchoHost},
		"a pod of no Service":       {externalName("x", "web-0.absent.demo.svc", ""), "nothing"},
		"a pod of an alias":         {externalName("x", "web-0.y.shop.svc", "") + externalName("y", "echo.demo", ""), "nothing"},
		"itself":                    {externalName("x", "x.shop.svc.cluster.local", ""), "nothing"},
		"itself, or outside":        {externalName("x", "x.shop", ""), "outside"},
		"an alias":                  {externalName("x", "y.shop.svc", "") + externalName("y", "echo.demo", ""), watchtest.EchoHost},
		"an alias of an alias":      {externalName("x", "y.shop.svc", "") + externalName("y", "z", "") + externalName("z", "echo.demo", ""), watchtest.EchoHost},
		"an alias of nothing":       {externalName("x", "y.shop.svc", "") + externalName("y", "absent.demo.svc", ""), "nothing"},
		"a name outside by another": {externalName("x", "y.shop.svc", "") + externalName("y", "example.com", ""), "y.shop.svc.cluster.local"},
		"a circle":                  {externalName("x", "y.shop.svc", "") + externalName("y", "x.shop.svc", ""), "nothing"},
		"a circle behind it":        {externalName("x", "y.shop.svc", "") + externalName("y", "z", "") + externalName("z", "y.shop", ""), "nothing"},
		"with TLS of its own": {
			externalName("x", "echo.demo", "") + watchtest.DestinationRule("shop/x", "01", "host: x, trafficPolicy: {tls: {mode: SIMPLE}}"), "nothing",
		},
		"with TLS of a port": {
			externalName("x", "echo.demo", "") + watchtest.DestinationRule("shop/x", "01", "host: x, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: MUTUAL}}]}"), "nothing",
		},
		"with TLS of a subset": {
			externalName("x", "echo.demo", "") + watchtest.DestinationRule("shop/x", "01", "host: x, subsets: [{name: s, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}]"), "nothing",
		},
		"with plain text of its own": {
			externalName("x", "echo.demo", "") + watchtest.DestinationRule("shop/x", "01", "host: x, trafficPolicy: {tls: {mode: DISABLE}}"), watchtest.EchoHost,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			documents := strings.Split(strings.TrimPrefix(watchtest.EchoService+test.text, "---\n"), "---\n")
			for range documents {
				documents = append(documents[1:], documents[0])
				a := newTestAssembler()
				var w *mesh.World
				for _, document := range documents {
					w = apply(t, a, document)
				}
				if got := aliasOf(w, "x.shop.svc.cluster.local"); got != test.want {
					t.Errorf("got %q, want %q; documents: %q", got, test.want, documents)
				}
				failed := slices.ContainsFunc(w.Problems, func(p mesh.Problem) bool { return p.Severity == mesh.Error })
				if failed != (test.want == "nothing") {
					t.Errorf("got the Problems %q of an alias of %s", watchtest.ProblemLines(w), test.want)
				}
			}
		})
	}
}

func aliasOf(w *mesh.World, host string) string {
	alias, ok := w.Aliases.Get(host)
	switch {
	case !ok:
		return "outside"
	case alias.Service == nil:
		return "nothing"
	}
	return alias.Host
}

// TestAliasPorts checks the ports of an alias: the numbers of the Service, under the names that the alias declares.
func TestAliasPorts(t *testing.T) {
	service := "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc-a, port: 80}, {name: grpc-b, port: 81}]}\n"
	tests := map[string]struct {
		ports    string
		want     []string
		problems int
	}{
		"none":                     {"", []string{"80 grpc-a", "81 grpc-b"}, 0},
		"one by another name":      {"{name: grpc, port: 80}", []string{"80 grpc", "81 grpc-b"}, 0},
		"one without a name":       {"{port: 80}", []string{"80 grpc-a", "81 grpc-b"}, 0},
		"the name of the other":    {"{name: grpc-b, port: 80}", []string{"80 grpc-b", "81 "}, 0},
		"names exchanged":          {"{name: grpc-b, port: 80}, {name: grpc-a, port: 81}", []string{"80 grpc-b", "81 grpc-a"}, 0},
		"a port that is not there": {"{name: grpc-a, port: 1}", []string{"80 grpc-a", "81 grpc-b"}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), service+externalName("x", "echo.demo", test.ports))
			var got []string
			for _, p := range watchtest.Get(w.Services, "x.shop.svc.cluster.local").Ports {
				got = append(got, fmt.Sprintf("%d %s", p.Number, p.Name))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
			if len(w.Problems) != test.problems {
				t.Errorf("got %q, want %d Problems", watchtest.ProblemLines(w), test.problems)
			}
		})
	}
}

// TestMisspelledExternalName: a name outside of the cluster that is nearly the host of a Service, while that comes and goes.
func TestMisspelledExternalName(t *testing.T) {
	for name, want := range map[string]bool{
		"echo.demo.svc.cluster.locl": true, "echo.demo.svc.cluster": true, "ecko.demo.svc.clusterlocal": true,
		"echo.demo.svc.clusterset.local": false, "echo.demo.svc.cluster2.local": false, "echo.demo.com": false, "api.example.com": false, "cart.demo.svc.cluster.locl": false,
	} {
		for _, steps := range [][]string{{watchtest.EchoService, externalName("x", name, "{port: 80}")}, {externalName("x", name, "{port: 80}"), watchtest.EchoService}} {
			a := newTestAssembler()
			var w *mesh.World
			for _, step := range steps {
				w = apply(t, a, step)
			}
			if got := slices.ContainsFunc(w.Problems, func(p mesh.Problem) bool { return p.Field == "spec.externalName" }); got != want {
				t.Errorf("%s: got %q, want a Problem: %t", name, watchtest.ProblemLines(w), want)
			}
			for _, o := range watchtest.Objects(t, watchtest.EchoService) {
				a.remove(o.Key)
			}
			if got := a.World().Problems; len(got) > 0 {
				t.Errorf("%s: got %v after the Service is gone", name, got)
			}
		}
	}
}
