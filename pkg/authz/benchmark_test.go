package authz_test

import (
	"fmt"
	"testing"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// BenchmarkRules makes the rules of a server with 20 policies, compiles them, and decides calls by them.
func BenchmarkRules(b *testing.B) {
	var all []*mesh.AuthorizationPolicy
	for i := range 20 {
		all = append(all, &mesh.AuthorizationPolicy{
			Ref: mesh.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: fmt.Sprintf("p%02d", i)},
			Spec: &security.AuthorizationPolicy{Action: security.AuthorizationPolicy_Action(i % 2), Rules: []*security.Rule{{
				From: []*security.Rule_From{{Source: &security.Source{Namespaces: []string{fmt.Sprintf("team-%d", i)}}}},
				To:   []*security.Rule_To{{Operation: &security.Operation{Paths: []string{fmt.Sprintf("/shop.Service%d/{*}", i), "/shop.Cart/*"}}}},
			}}},
		})
	}
	in := inbound.RulesInput{Policies: mesh.MakeList(all...), Port: 50051, Kind: mesh.GRPCGo, Secure: true}
	deny, allow := inbound.Rules(nil, in)
	engine, err := authz.New(deny, allow)
	if err != nil {
		b.Fatal(err)
	}
	call := authz.Call{Authenticated: true, Principals: []string{"spiffe://cluster.local/ns/team-18/sa/web"}, Method: "/shop.Cart/Get", Authority: "cart"}
	b.Run("translate", func(b *testing.B) {
		for b.Loop() {
			inbound.Rules(nil, in)
		}
	})
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			_, _ = authz.New(deny, allow)
		}
	})
	b.Run("evaluate", func(b *testing.B) {
		for b.Loop() {
			if !engine.Evaluate(call).Allowed {
				b.Fatal("the call is denied")
			}
		}
	})
	b.Run("refuses", func(b *testing.B) {
		call := call
		call.AnyMethod, call.AnyHeaders = true, true
		for b.Loop() {
			if engine.Refuses(call) {
				b.Fatal("the call is refused")
			}
		}
	})
}
