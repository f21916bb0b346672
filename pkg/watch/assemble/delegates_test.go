package assemble

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const delegating = "hosts: [echo], http: [{delegate: {name: d, namespace: team}}]"

func TestBindDelegates(t *testing.T) {
	const rules = "http: [{route: [{destination: {host: echo}}]}]"
	tests := map[string]struct {
		text string
		// want is nil if no VirtualService is bound under that key.
		want     *mesh.Delegate
		unbound  []string
		problems []string
	}{
		"exported to all":          {watchtest.VirtualService("team/d", "01", rules), &mesh.Delegate{Visible: true}, []string{"team/d"}, nil},
		"exported by name":         {watchtest.VirtualService("team/d", "01", "exportTo: [demo], "+rules), &mesh.Delegate{Visible: true}, []string{"team/d"}, nil},
		"kept to its namespace":    {watchtest.VirtualService("team/d", "01", "exportTo: [.], "+rules), &mesh.Delegate{}, []string{"team/d"}, nil},
		"its gateways mean nought": {watchtest.VirtualService("team/d", "01", "gateways: [edge], "+rules), &mesh.Delegate{Visible: true}, []string{"team/d"}, nil},
		"absent":                   {watchtest.VirtualService("d", "01", "gateways: [edge], "+rules), nil, nil, nil},
		"not used": {watchtest.VirtualService("d", "01", rules), nil, []string{"demo/d"}, []string{
			"warning Unreachable VirtualService demo/d spec.hosts: It has no hosts, and no VirtualService for the mesh delegates to it. It is not used. Add a host, or delegate to it.",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, order := range []string{test.text + watchtest.VirtualService("root", "01", delegating), watchtest.VirtualService("root", "01", delegating) + test.text} {
				w := apply(t, newTestAssembler(), watchtest.EchoService+order)
				got, ref, ok := watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("x").First().Delegate(watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("x").First().Spec.GetHttp()[0].GetDelegate())
				if ref.Key() != "team/d" || ok != (test.want != nil) {
					t.Fatalf("got %v, %t", ref, ok)
				}
				if ok && (got.Visible != test.want.Visible || !slices.Contains(w.Unbound, got.VirtualService)) {
					t.Errorf("got %+v, want %+v, and whether it is checked on its own", got, *test.want)
				}
				var unbound []string
				for _, r := range w.Unbound {
					unbound = append(unbound, r.Ref.Key())
				}
				if d := cmp.Diff(test.unbound, unbound); d != "" {
					t.Errorf("unbound (-want +got):\n%s", d)
				}
				if d := cmp.Diff(test.problems, watchtest.ProblemLines(w)); d != "" {
					t.Errorf("problems (-want +got):\n%s", d)
				}
			}
		})
	}
}

// TestDelegateWithHosts expects that a VirtualService with hosts is not used as a delegate.
func TestDelegateWithHosts(t *testing.T) {
	w := apply(t, newTestAssembler(), watchtest.EchoService+watchtest.VirtualService("root", "01", delegating)+watchtest.VirtualService("team/d", "01", "hosts: [ghost]"))
	found, _, ok := watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("x").First().Delegate(watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("x").First().Spec.GetHttp()[0].GetDelegate())
	if !ok || found.VirtualService != nil {
		t.Errorf("got %+v, %t, want one without Routes", found, ok)
	}
}

// TestDelegateChanges expects that a change of a delegate, or of one of its destinations, reaches the hosts of the
// VirtualServices that delegate to it, and no other hosts.
func TestDelegateChanges(t *testing.T) {
	a := newTestAssembler()
	rules := func(timeout string) string {
		return watchtest.VirtualService("team/d", "01", "http: [{timeout: "+timeout+", route: [{destination: {host: echo.demo, subset: s}}]}]")
	}
	apply(t, a, watchtest.EchoService+watchtest.VirtualService("root", "01", delegating))
	for name, text := range map[string]string{
		"another rule": rules("2s"), "a policy of its destination": watchtest.DestinationRule("r", "01", "host: echo, subsets: [{name: s}]"),
	} {
		a := newTestAssembler()
		before := apply(t, a, watchtest.EchoService+watchtest.VirtualService("root", "01", delegating)+rules("1s"))
		after := apply(t, a, text)
		if watchtest.Get(before.VirtualServices, watchtest.EchoHost) == watchtest.Get(after.VirtualServices, watchtest.EchoHost) {
			t.Errorf("%s does not reach the VirtualServices that delegate to it", name)
		}
	}
	with := apply(t, a, rules("1s"))
	if same := apply(t, a, watchtest.VirtualService("team/d", "02", "http: [{timeout: 1s, route: [{destination: {host: echo.demo, subset: s}}]}]")); watchtest.Get(same.VirtualServices, watchtest.EchoHost) != watchtest.Get(with.VirtualServices, watchtest.EchoHost) {
		t.Error("the age of a delegate changed the VirtualServices that delegate to it")
	}
	a.remove(object.Key{Kind: object.KindVirtualService, Namespace: "team", Name: "d"})
	if got := watchtest.Get(a.World().VirtualServices, watchtest.EchoHost).For("x").First().Delegates; got != nil {
		t.Errorf("a removed delegate leaves %v", got)
	}
	if len(a.World().Unbound) != 0 {
		t.Error("a removed delegate is still checked")
	}
}
