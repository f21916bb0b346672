package snapshot_test

import (
	"fmt"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestServerIsClosed: if a server cannot be sent the rules of a newer policy, it is sent rules that refuse every call. What it
// had before would let callers in whom the newer policy denies.
func TestServerIsClosed(t *testing.T) {
	const (
		listener, routes = "grpc/server?xds.resource.listening_address=[::]:50051", "inbound|50051||"
		unlucky          = "/shop.Cart/Unlucky"
		policy           = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\nspec: {action: DENY, rules: [{to: [{operation: {paths: [PATH]}}]}]}\n"
	)
	has := func(m proto.Message) bool {
		data, _ := proto.Marshal(m)
		return strings.Contains(string(data), unlucky)
	}
	check := func(name string, m proto.Message, a clientrules.Audience) []clientrules.Finding {
		if has(m) {
			return []clientrules.Finding{{Text: "brings bad luck", Kinds: a.Kinds}}
		}
		return clientrules.Check(name, m, a)
	}
	var fail snapshot.Type // of what is marshaled next
	marshaled := func(made snapshot.Type) {
		if made == fail {
			fail = ""
			panic("bug")
		}
	}
	for kind, rules := range map[mesh.ClientKind]snapshot.Type{mesh.GRPCGo: snapshot.RouteType, mesh.GRPCNode: snapshot.ListenerType} {
		client := mesh.Client{Namespace: "shop", Kind: kind, Providers: mesh.MakeProviders("default"), Labels: mesh.MakeLabels(map[string]string{
			mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS,
		})}
		t.Run(kind.String(), func(t *testing.T) {
			allowed := func(before, s *snapshot.Snapshot) bool {
				l, r := &listenerv3.Listener{}, &routev3.RouteConfiguration{}
				for name, m := range map[string]proto.Message{listener: l, routes: r} {
					typeURL := snapshot.ListenerType
					if name == routes {
						typeURL = snapshot.RouteType
					}
					if err := s.ResolveOrFallback(before, typeURL, name, client).Any().UnmarshalTo(m); err != nil {
						t.Fatal(err)
					}
				}
				engine, err := authz.Server(l, r)
				if err != nil {
					t.Fatal(err)
				}
				return engine.Evaluate(authz.Call{Authenticated: true, Principals: []string{"spiffe://cluster.local/ns/shop/sa/web"}, Method: "/shop.Cart/Get"}).Allowed
			}
			world := snapshottest.Load(t, nil)
			first := snapshot.Empty(check, marshaled).Derive(world, world.ChangedSince(nil))
			if !allowed(first, first) {
				t.Fatal("without a policy the call is denied")
			}
			for name, path := range map[string]string{"withheld": unlucky, "panic": "/shop.Cart/Other"} {
				next := snapshottest.Load(t, []string{strings.ReplaceAll(policy, "PATH", path)})
				if name == "panic" {
					fail = rules
				}
				s := first.Derive(next, append(next.ChangedSince(nil), mesh.NamespaceKey("shop")))
				if allowed(first, s) {
					t.Errorf("%s: the call is allowed, as before", name)
				}
				problems := fmt.Sprint(s.Problems())
				if code := map[string]string{"withheld": "HeldBack", "panic": "Internal"}[name]; !strings.Contains(problems, code) {
					t.Errorf("%s: got the Problems %s, want %s", name, problems, code)
				}
			}
		})
	}
}
