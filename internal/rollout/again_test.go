package rollout

import (
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestAfterABadChange: what clients called with a change that failed is not what they did before the next one, whether the change was taken back
// by the rollout or by hand.
func TestAfterABadChange(t *testing.T) {
	for name, test := range map[string]struct {
		// bad are the failures a second with the first change, and failures are those with the next one.
		bad, failures uint64
		pause         time.Duration
		byHand, alone bool
		want          mesh.RolloutStage
	}{
		"the next one fails, at once":            {bad: 17, failures: 8, want: mesh.RolloutAborted},
		"the next one fails, soon":               {bad: 17, failures: 8, pause: 20 * time.Second, want: mesh.RolloutAborted},
		"the next one fails, after a window":     {bad: 17, failures: 8, pause: 80 * time.Second, want: mesh.RolloutAborted},
		"the next one of one client fails, soon": {bad: 17, failures: 8, pause: 20 * time.Second, alone: true, want: mesh.RolloutAborted},
		"it is taken back by hand":               {bad: 17, failures: 8, byHand: true, want: mesh.RolloutAborted},
		"the next one is good, at once":          {bad: 800, want: mesh.RolloutNone},
		"the next one is good, soon":             {bad: 800, pause: 20 * time.Second, want: mesh.RolloutNone},
		"the next one is good, after a window":   {bad: 800, pause: 80 * time.Second, want: mesh.RolloutNone},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			call := func(failures uint64) State {
				r.calls(1, 17-min(17, failures), failures)
				r.callsFrom("other", 500, 150, 0, "cart")
				if !test.alone {
					r.calls(500, 150, 0)
				}
				return r.wait(time.Second)
			}
			change := func(timeout string, generation int64, failures uint64, until time.Duration) (s State) {
				r.apply(version(timeout), generation, "")
				r.wait(time.Second)
				r.wait(time.Second)
				for s = r.decider.States()[0]; until > 0 && s.Stage == mesh.RolloutRunning; until -= time.Second {
					s = call(failures)
				}
				return s
			}
			for range 130 {
				call(0)
			}
			if test.byHand {
				change("2s", 2, test.bad, 30*time.Second)
				r.apply(version("1s"), 3, "")
				call(0)
			} else if s := change("2s", 2, test.bad, 70*time.Second); s.Stage != mesh.RolloutAborted {
				t.Fatalf("got %+v, want that the first change is taken back", s)
			}
			for ; test.pause > 0; test.pause -= time.Second {
				call(0)
			}
			if s := change("3s", 4, test.failures, 70*time.Second); s.Stage != test.want {
				t.Errorf("got %+v, want stage %s", s, test.want)
			}
		})
	}
}
