package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rolledAlone is the VirtualService of these tests with a rollout of its own: what else changes takes effect at once.
func rolledAlone(subset string) string {
	return strings.Replace(version("1s"), "{destination: {host: echo}}", "{destination: {host: echo, subset: "+subset+"}}", 1)
}

// TestVersionBeforeIsBroken: what changes beside a rule may take away what its version before needs. Calls by that version fail before
// an endpoint is chosen, so no client reports them. All clients follow the change then, unless it fails, too.
func TestVersionBeforeIsBroken(t *testing.T) {
	const noV1 = "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec: {host: echo, subsets: [{name: v2, labels: {version: v2}}]}\n"
	v1, v2 := pods("echo", "v1", true), pods("echo", "v2", true)
	for name, test := range map[string]struct {
		// beside changes with the rule, and leads to the subset to.
		beside, to string
		gone       *object.Key
		failed     uint64
		want       mesh.RolloutStage
		text       string
	}{
		"its subset is removed":      {noV1, "v2", nil, 0, mesh.RolloutNone, `"v1"`},
		"its pods are stopped":       {"", "v2", &object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "echo-v1"}, 0, mesh.RolloutNone, `subset "v1" of demo/echo`},
		"both fail":                  {noV1, "v3", nil, 0, mesh.RolloutRunning, ""},
		"nothing changes beside it":  {"", "v2", nil, 0, mesh.RolloutRunning, ""},
		"calls by the new one fail":  {noV1, "v2", nil, 100, mesh.RolloutRunning, ""},
		"the new one fails entirely": {"", "v3", nil, 0, mesh.RolloutRunning, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+v1+v2+subsets("v2")+"---\n"+rolledAlone("v1"), 1, mesh.ReasonPromoted)
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			r.connect(500, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			r.wait(time.Second)
			r.apply(rolledAlone(test.to)+test.beside, 2, "")
			if test.gone != nil {
				r.assembler.Apply(map[object.Key]*object.Object{*test.gone: nil}, nil)
				r.current = snapshot.New(r.assembler.World())
			}
			r.wait(time.Second)
			if state := r.wait(time.Second); state.Stage != mesh.RolloutRunning {
				t.Fatalf("got %+v after a second: a tool may delete and create objects", state)
			}
			r.calls(1, 100, test.failed)
			r.calls(500, 100, 0)
			if state := r.wait(replacing); state.Stage != test.want || !strings.Contains(state.Message, test.text) {
				t.Errorf("got %+v, want stage %s with %q", state, test.want, test.text)
			}
		})
	}
}

// TestClientThatNeverAcknowledges: a client of the first part may hang. The calls of the others end the rollout if they fail. It is not
// promoted before the client acknowledges or leaves, and then after a window in which all have the change.
func TestClientThatNeverAcknowledges(t *testing.T) {
	for name, test := range map[string]struct {
		failed uint64
		leaves bool
		want   mesh.RolloutStage
		reason Reason
	}{
		"calls fail":    {100, false, mesh.RolloutAborted, ""},
		"calls succeed": {0, false, mesh.RolloutRunning, ReasonAcknowledging},
		"it leaves":     {0, true, mesh.RolloutNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
			rule := &snapshot.Versioned{Refs: []mesh.Ref{cart}}
			r.connect(1, rule)
			r.connect(500, rule)
			hung := serving.ClientSync{
				ClientInfo: serving.ClientInfo{NodeID: "hung-0", Client: mesh.Client{Namespace: "demo", Bucket: 2}},
				Resources:  []serving.SyncStatus{{Current: rule}},
			}
			r.clients = append(r.clients, hung)
			r.wait(time.Second)
			r.apply(version("2s"), 2, "")
			if state := r.wait(time.Second); state.Reason != ReasonAcknowledging {
				t.Fatalf("got %+v, want that it waits for the client", state)
			}
			r.wait(starting) // The time for acknowledgements ends.
			r.wait(time.Second)
			calls := func() {
				r.calls(1, 100, test.failed)
				r.calls(500, 100, 0)
			}
			calls()
			state := r.wait(time.Minute)
			if test.leaves {
				if state.Stage != mesh.RolloutRunning || !strings.Contains(state.Message, "hung-0") {
					t.Fatalf("got %+v, want that the client is named", state)
				}
				r.clients = slices.DeleteFunc(r.clients, func(c serving.ClientSync) bool { return c.ClientInfo.NodeID == "hung-0" })
				r.wait(time.Second)
				if state = r.wait(time.Second); state.Stage != mesh.RolloutRunning {
					t.Fatalf("got %+v, want that the window begins anew", state)
				}
				calls()
				state = r.wait(time.Minute)
			}
			if state.Stage != test.want || test.reason != "" && state.Reason != test.reason {
				t.Errorf("got %+v, want stage %s", state, test.want)
			}
		})
	}
}

// TestTimesOfARunEnd: a rollout that runs again after it waited does not count the time before.
func TestTimesOfARunEnd(t *testing.T) {
	r := newReplica(t, true)
	rec := &record{emptied: r.now, broken: r.now, waiting: r.now}
	r.decider.look(&mesh.Rollout{Object: cart, Stage: mesh.RolloutWaiting}, rec, audience{}, mark{}, r.now.Add(time.Hour))
	if !rec.emptied.IsZero() || !rec.broken.IsZero() || !rec.waiting.IsZero() {
		t.Errorf("got %v, %v and %v, want that nothing of the time before is known", rec.emptied, rec.broken, rec.waiting)
	}
}
