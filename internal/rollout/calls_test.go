package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// rule is a VirtualService for a host of its name, with or without an annotation.
func rule(name, annotations, rest string) string {
	return "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " + name + ", namespace: demo, annotations: {" + annotations + "}}\nspec: {" + rest + "}\n"
}

// TestOtherCalls changes a rule while clients call the same Service by others, or by none. Nothing but the calls by the rule promotes the
// change.
func TestOtherCalls(t *testing.T) {
	const own = `mizzen.dev/rollout: "10%,1m,abort"`
	to := func(timeout string) string {
		return "http: [{timeout: " + timeout + ", route: [{destination: {host: echo}}]}]"
	}
	namespace := rolledNamespace + echoService
	object := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "seldom"}
	type of struct {
		bucket     uint16
		ok, failed uint64
		by         string
	}
	for name, test := range map[string]struct {
		before, after string
		calls         []of
		want          mesh.RolloutStage
		reason        Reason
	}{
		"others hide few that fail": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 1000, 0, "echo"}, {1, 0, 9, "seldom"}, {500, 1000, 0, "echo"}, {500, 9, 0, "seldom"}},
			mesh.RolloutRunning, ReasonTooFewCalls,
		},
		"others hide many that fail": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 100_000, 0, "echo"}, {1, 0, 100, "seldom"}, {500, 1000, 0, "echo"}, {500, 100, 0, "seldom"}},
			mesh.RolloutAborted, ReasonAborted,
		},
		"others fail": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 0, 1000, "echo"}, {1, 100, 0, "seldom"}, {500, 1000, 0, "echo"}, {500, 100, 0, "seldom"}},
			mesh.RolloutNone, ReasonPromoted,
		},
		"the same clients call both": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 1000, 9, "echo seldom"}, {500, 1000, 0, "echo seldom"}},
			mesh.RolloutRunning, ReasonSharedCalls,
		},
		"the same clients call both, and both fail": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 900, 100, "echo seldom"}, {500, 1000, 0, "echo seldom"}},
			mesh.RolloutAborted, ReasonAborted,
		},
		"it is not known by which rules": {
			echoService + rule("seldom", own, "hosts: [seldom], "+to("1s")), rule("seldom", own, "hosts: [seldom], "+to("2s")),
			[]of{{1, 1000, 0, ""}, {500, 1000, 0, ""}},
			mesh.RolloutRunning, ReasonSharedCalls,
		},
		"another rule of the namespace": {
			namespace + rule("echo", "", "hosts: [echo], "+to("1s")) + rule("seldom", "", "hosts: [seldom], "+to("1s")), rule("seldom", "", "hosts: [seldom], "+to("2s")),
			[]of{{1, 1000, 0, "echo"}, {500, 1000, 0, "echo"}, {1, 0, 9, "seldom"}, {500, 9, 0, "seldom"}},
			mesh.RolloutRunning, ReasonTooFewCalls,
		},
		"two rules that change, of the same clients": {
			namespace + rule("echo", "", "hosts: [echo], "+to("1s")) + rule("seldom", "", "hosts: [seldom], "+to("1s")), rule("echo", "", "hosts: [echo], "+to("2s")) + rule("seldom", "", "hosts: [seldom], "+to("2s")),
			[]of{{1, 100, 0, "echo seldom"}, {500, 100, 0, "echo seldom"}},
			mesh.RolloutNone, ReasonPromoted,
		},
		"a DestinationRule": {
			namespace + rule("seldom", "", "hosts: [seldom], "+to("1s")) + pods("echo", "v1", true) + subsets("v1"), subsets("v3"),
			[]of{{1, 60, 0, "echo"}, {500, 60, 0, "echo"}, {1, 60, 0, "seldom"}, {500, 60, 0, "seldom"}},
			mesh.RolloutNone, ReasonPromoted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(test.before, 1, "")
			echo := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{object, echo}})
			r.wait(time.Second)
			r.apply(test.after, 2, "")
			r.wait(time.Second)
			r.wait(time.Second)
			for _, c := range test.calls {
				r.callsBy(c.bucket, c.ok, c.failed, strings.Fields(c.by)...)
			}
			if state := r.wait(2 * time.Minute); state.Stage != test.want || state.Reason != test.reason {
				t.Errorf("got %+v, want stage %s because of %s", state, test.want, test.reason)
			}
		})
	}
}

// TestCallsByOneRuleStop: the calls by one of two rules that change fail before an endpoint is chosen, so none is reported. Those by the
// other one go on.
func TestCallsByOneRuleStop(t *testing.T) {
	both := func(timeout string) string {
		route := "http: [{timeout: " + timeout + ", route: [{destination: {host: echo}}]}]"
		return rule("echo", "", "hosts: [echo], "+route) + rule("seldom", "", "hosts: [seldom], "+route)
	}
	r := newReplica(t, true)
	r.apply(rolledNamespace+echoService+both("1s"), 1, "")
	r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{{Kind: "VirtualService", Namespace: "demo", Name: "echo"}}})
	r.wait(time.Second)
	for range 3 {
		for _, bucket := range []uint16{1, 500} {
			r.callsBy(bucket, 10_000, 0, "echo")
			r.callsBy(bucket, 500, 0, "seldom")
		}
		r.wait(time.Minute)
	}
	r.apply(both("2s"), 2, "")
	r.wait(time.Second)
	r.wait(time.Second)
	r.callsBy(1, 20_000, 0, "echo")
	r.callsBy(500, 20_000, 0, "echo")
	r.callsBy(500, 1000, 0, "seldom")
	if state := r.wait(2 * time.Minute); state.Stage != mesh.RolloutAborted || !strings.Contains(state.Message, "seldom") {
		t.Errorf("got %+v, want that it is aborted because of %s", state, "seldom")
	}
}

// TestSharedCalls: the message says why calls do not count.
func TestSharedCalls(t *testing.T) {
	for name, test := range map[string]struct {
		calls     func(r *replica, bucket uint16)
		want, not string
	}{
		"several hosts": {func(r *replica, bucket uint16) { r.callsBy(bucket, 1000, 0, "cart", "seldom") }, "clients that made 2000 attempts dial several hosts", "full"},
		"no route":      {func(r *replica, bucket uint16) { r.callsBy(bucket, 1000, 0) }, "clients had no route to the cluster when they reported 2000 attempts. Wait for calls of other clients", "several"},
		"the counters are full": {func(r *replica, bucket uint16) {
			for i := range 70 { // More than there are sets of rules.
				r.callsBy(bucket, 1, 0, fmt.Sprint("other-", i))
			}
			r.callsBy(bucket, 1000, 0, "cart")
		}, "the counters of a Service are full, so 20", "several"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			r.wait(time.Second)
			r.apply(version("2s"), 2, "")
			r.wait(time.Second)
			r.wait(time.Second)
			test.calls(r, 1)
			test.calls(r, 500)
			if state := r.wait(time.Minute); state.Reason != ReasonSharedCalls || !strings.Contains(state.Message, test.want) || strings.Contains(state.Message, test.not) {
				t.Errorf("got %+v, want %q and not %q", state, test.want, test.not)
			}
		})
	}
}
