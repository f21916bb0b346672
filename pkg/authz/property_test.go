package authz_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

var verdicts = flag.Int("verdicts", 3000, "number of calls whose verdicts are compared with a real server")

// setsAtOnce is the number of sets of policies in one update, and callsToSet the number of calls by each.
const (
	setsAtOnce = 150
	callsToSet = 20
)

// TestVerdicts makes random calls by random policies to a real server. The evaluator must give the server's verdict, and
// never allow what Istio denies.
func TestVerdicts(t *testing.T) {
	server := newRealServer(t)
	r := random{rand.New(rand.NewPCG(1, 2))}
	var count struct{ calls, allowed, denied, closed int }
	for count.calls < *verdicts {
		var inputs []inbound.RulesInput
		var sets []rules
		for range setsAtOnce {
			in := r.input()
			deny, allow := inbound.Rules(nil, in)
			inputs, sets = append(inputs, in), append(sets, rules{deny, allow})
		}
		if err := server.update(t, sets); err != nil {
			t.Fatalf("the server refuses rules: %v", err)
		}
		calls := make([]authz.Call, setsAtOnce*callsToSet)
		for i := range calls {
			calls[i] = r.call()
		}
		served := realVerdicts(t, server, calls)
		for i, call := range calls {
			in, set := inputs[i/callsToSet], sets[i/callsToSet]
			v := authz.Evaluate(set.deny, set.allow, call)
			if v.Allowed != served[i] {
				t.Fatalf("a real server allows %v, but the verdict is %+v\n%s", served[i], v, describe(in, call))
			}
			if !in.Secure {
				call.Authenticated, call.Principals = false, nil
			}
			istio := istioAllows(in, call)
			if v.Allowed && !istio {
				t.Fatalf("Istio denies, but the verdict is %+v\n%s", v, describe(in, call))
			}
			count.calls++
			switch {
			case v.Allowed:
				count.allowed++
			case istio:
				count.closed++
			default:
				count.denied++
			}
		}
	}
	if count.allowed < count.calls/20 || count.denied < count.calls/20 {
		t.Errorf("the calls do not show enough: %+v", count)
	}
	t.Logf("%+v", count)
}

// realVerdicts makes all calls, some at once. Call i is by set i/callsToSet.
func realVerdicts(t *testing.T, server *realServer, calls []authz.Call) []bool {
	all := make([]bool, len(calls))
	var group errgroup.Group
	group.SetLimit(32)
	for i, call := range calls {
		group.Go(func() error {
			all[i] = server.allows(t, call, i/callsToSet)
			return nil
		})
	}
	_ = group.Wait()
	return all
}

// describe writes a case as text.
func describe(in inbound.RulesInput, call authz.Call) string {
	text := ""
	for p := range in.Policies.All() {
		text += p.Ref.String() + " dry-run " + map[bool]string{true: "yes", false: "no"}[p.DryRun] + " " + p.Spec.String() + "\n"
		for _, unknown := range p.UnknownFields {
			text += "  unknown " + unknown + "\n"
		}
	}
	return text + in.Kind.String() + " " + in.TrustDomain + " " + in.Aliases + "\n" + fmt.Sprintf("%+v", call)
}
