package inbound

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// values makes n values of that form, which has a number.
func values(n int, form string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(form, i))
	}
	return all
}

func denying(rules ...*security.Rule) *mesh.AuthorizationPolicy {
	return &mesh.AuthorizationPolicy{
		Ref: mesh.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "big"}, Selected: mesh.EveryPod(),
		Spec: &security.AuthorizationPolicy{Action: security.AuthorizationPolicy_DENY, Rules: rules},
	}
}

func fromPrincipals(values ...string) *security.Rule {
	return &security.Rule{From: []*security.Rule_From{{Source: &security.Source{Principals: values}}}}
}

// TestManyMistakes: one author's mistakes do not keep the control plane busy. Ten times as many take about ten times as long; a time that grows
// with the square of their number would be a hundred times as long.
func TestManyMistakes(t *testing.T) {
	for name, policy := range map[string]func(n int) *mesh.AuthorizationPolicy{
		"values": func(n int) *mesh.AuthorizationPolicy {
			return denying(&security.Rule{From: []*security.Rule_From{{Source: &security.Source{IpBlocks: values(n, "10.0.0.%d/x")}}}})
		},
		"unknown fields": func(n int) *mesh.AuthorizationPolicy {
			unknown := denying(&security.Rule{})
			unknown.UnknownFields = slices.Sorted(slices.Values(values(n, "spec.rules[0].x%d")))
			return unknown
		},
		"rules": func(n int) *mesh.AuthorizationPolicy {
			each := denying()
			for range n {
				each.Spec.Rules = append(each.Spec.Rules, &security.Rule{})
			}
			each.UnknownFields = slices.Sorted(slices.Values(values(n, "spec.rules[%d].form")))
			return each
		},
	} {
		t.Run(name, func(t *testing.T) {
			// fastest is the shorter time of two attempts: the machine may be busy with something else.
			fastest := func(n int) time.Duration {
				p, best := policy(n), time.Hour
				for range 2 {
					var found []mesh.Problem
					start := time.Now()
					CheckPolicy(&found, p, RulesInput{})
					best = min(best, time.Since(start))
					if len(found) < n {
						t.Errorf("got %d Problems, want one for each of %d mistakes", len(found), n)
					}
				}
				return best
			}
			if few, many := fastest(2000), fastest(20_000); many > 50*few {
				t.Errorf("2,000 mistakes took %v, and ten times as many took %v", few, many)
			}
		})
	}
}

// TestOversize: rules that are too large for a response of gRPC close the ports. If they were sent, the stream would end,
// and the policies of before would stay in force.
func TestOversize(t *testing.T) {
	big := func(name string, n int) *mesh.AuthorizationPolicy {
		p := denying(fromPrincipals(values(n, "cluster.local/ns/shop/sa/"+strings.Repeat("x", 60)+"%d")...))
		p.Ref.Name = name
		return p
	}
	logged := big("logged", 10_000)
	logged.DryRun, logged.LogCalls = true, true
	tests := map[string]struct {
		kind     mesh.ClientKind
		policies []*mesh.AuthorizationPolicy
		closes   bool
		// alone and together are the policies of which there is a Problem.
		alone, together []string
	}{
		"small":             {mesh.GRPCGo, []*mesh.AuthorizationPolicy{big("a", 100)}, false, nil, nil},
		"one":               {mesh.GRPCGo, []*mesh.AuthorizationPolicy{big("a", 40_000)}, true, []string{"a"}, nil},
		"one beside others": {mesh.GRPCGo, []*mesh.AuthorizationPolicy{big("a", 40_000), big("b", 1)}, true, []string{"a"}, []string{"a", "b"}},
		"several":           {mesh.GRPCGo, []*mesh.AuthorizationPolicy{big("a", 4_000), big("b", 4_000), big("c", 4_000), big("d", 4_000), big("e", 4_000)}, true, nil, []string{"a", "b", "c", "d", "e"}},
		"Node":              {mesh.GRPCNode, []*mesh.AuthorizationPolicy{big("a", 6_000)}, true, []string{"a"}, nil},
		"logged":            {mesh.GRPCGo, []*mesh.AuthorizationPolicy{logged}, false, []string{"logged"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := Input{Port: 50051, Kind: test.kind, Security: mesh.ServerMTLS, Policies: mesh.MakeList(test.policies...)}
			deny, allow := Rules(nil, in.rules())
			if size := proto.Size(deny) + proto.Size(allow); size > maxSize {
				t.Errorf("the rules have %d bytes", size)
			}
			if size := proto.Size(Routes(in, TranslatePolicy).Message); size > maxSize+1<<10 {
				t.Errorf("the routes have %d bytes", size)
			}
			if got := everybodyDenied(deny); got != test.closes {
				t.Errorf("everybody is denied: got %v, want %v", got, test.closes)
			}
			var alone []string
			for _, p := range test.policies {
				var found []mesh.Problem
				CheckPolicy(&found, p, in.rules())
				alone = append(alone, names(found)...)
			}
			if !slices.Equal(alone, test.alone) {
				t.Errorf("got Problems of %q, want %q", alone, test.alone)
			}
			if together := names(Oversize(in, TranslatePolicy)); !slices.Equal(together, test.together) {
				t.Errorf("got Problems of policies together of %q, want %q", together, test.together)
			}
			for _, f := range Shadow(in.rules()) {
				t.Errorf("got the filter %s, want none that is too large", f.GetName())
			}
		})
	}
}

func everybodyDenied(deny *rbacv3.RBAC) bool {
	for _, p := range deny.GetPolicies() {
		if p.GetPermissions()[0].GetAny() && p.GetPrincipals()[0].GetAny() {
			return true
		}
	}
	return false
}

func names(problems []mesh.Problem) (all []string) {
	for _, p := range problems {
		all = append(all, p.Object.Name)
	}
	return slices.Compact(all)
}
