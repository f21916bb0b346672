package snapshot

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// TestServerMemos checks which memos a change replaces, and that what they remember lasts for one change more, however many
// Keys change at once.
func TestServerMemos(t *testing.T) {
	world := &mesh.World{Security: mesh.Map[*mesh.SecurityPolicies]{}.With(map[string]*mesh.SecurityPolicies{"a": {}, "b": {}}, nil)}
	keys := func(keys ...mesh.Key) []mesh.Key { return keys }
	a, b, node := mesh.NamespaceKey("a"), mesh.NamespaceKey("b"), mesh.NodeKey("node")
	tests := map[string]struct {
		changed []mesh.Key
		// listeners and routes are the namespaces whose memos are other ones afterwards.
		listeners, routes string
	}{
		"hosts":                {keys(mesh.HostKey("a")), "", ""},
		"a namespace":          {keys(a), "a", "a"},
		"nodes":                {keys(node, mesh.NodeKey("other")), "abc", ""},
		"the mesh":             {keys(mesh.WholeMesh()), "abc", "abc"},
		"everything":           {keys(a, b, node, mesh.WholeMesh()), "abc", "abc"},
		"a namespace and node": {keys(a, node), "abc", "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := newMemosByNamespace().next(world, keys(a, b))
			in, made := inbound.Input{Port: 1}, &translation{}
			for _, namespace := range []string{"a", "b", "c"} {
				for _, kind := range []Type{ListenerType, RouteType} {
					before.of(namespace).translations(kind).get(in, func(inbound.Input) *translation { return made })
				}
			}
			after := before.next(world, test.changed)
			listeners, routes := "", ""
			for _, namespace := range []string{"a", "b", "c"} {
				was, is := before.of(namespace), after.of(namespace)
				if was.listeners.current != is.listeners.current {
					listeners += namespace
				}
				if was.routes.current != is.routes.current {
					routes += namespace
				}
				if (was.policies == is.policies) != (was.routes.current == is.routes.current) {
					t.Errorf("what applies to workloads of %s is not remembered as long as the routes", namespace)
				}
				for _, kind := range []Type{ListenerType, RouteType} {
					is.translations(kind).get(in, func(inbound.Input) *translation {
						t.Errorf("%s of %s are made again", kind.Name(), namespace)
						return made
					})
				}
			}
			if listeners != test.listeners || routes != test.routes {
				t.Errorf("got new listeners of %q and routes of %q, want %q and %q", listeners, routes, test.listeners, test.routes)
			}
		})
	}
	gone := newMemosByNamespace().next(world, keys(a)).next(&mesh.World{}, keys(a))
	if gone.of("a") != gone.of("c") || len(gone) != 1 {
		t.Error("a namespace without objects keeps its memos")
	}
}

// TestWithheldFromServers checks that a Problem of a server's resource lasts while other namespaces change.
func TestWithheldFromServers(t *testing.T) {
	policies := func(namespace string) *mesh.SecurityPolicies {
		return &mesh.SecurityPolicies{AuthorizationPolicies: []*mesh.AuthorizationPolicy{{
			Ref: mesh.Ref{Kind: "AuthorizationPolicy", Namespace: namespace, Name: "policy"}, Spec: &security.AuthorizationPolicy{Rules: []*security.Rule{{}}}, Selected: mesh.EveryPod(),
		}}}
	}
	world := &mesh.World{Revision: 1, Security: mesh.Map[*mesh.SecurityPolicies]{}.With(map[string]*mesh.SecurityPolicies{"a": policies("a"), "b": policies("b")}, nil)}
	rejects := func(_ string, m proto.Message, audience clientrules.Audience) []clientrules.Finding {
		if !strings.Contains(fmt.Sprint(m), "policy#0") {
			return nil
		}
		return []clientrules.Finding{{Text: "is rejected", Kinds: audience.Kinds}}
	}
	s := Empty(rejects, nil)
	s = s.Derive(world, world.ChangedSince(nil))
	s.Resource(RouteType, resource.InboundRouteName(1), mesh.Client{Namespace: "a", Kind: mesh.GRPCGo})
	for range 3 {
		next := *world
		next.Revision++
		next.Security, next.Changed = world.Security.With(map[string]*mesh.SecurityPolicies{"b": policies("b")}, nil), []mesh.Key{mesh.NamespaceKey("b")}
		world, s = &next, s.Derive(&next, next.Changed)
		if n := len(s.Withheld()); n != 1 {
			t.Fatalf("%d resources are reported as withheld, want the one of the other namespace", n)
		}
	}
}
