package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

var follows = &snapshot.Versioned{Refs: []mesh.Ref{cart}}

// newFollowed is a replica with a rule that clients of workloads in the first part follow.
func newFollowed(t *testing.T, workloads ...string) *replica {
	r := newReplica(t, true)
	r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
	for _, w := range workloads {
		r.connectFrom(w, 1, follows)
	}
	r.wait(time.Second)
	return r
}

// change changes the rule, and waits until the window begins.
func (r *replica) change() {
	r.apply(version("2s"), 2, "")
	r.wait(time.Second)
	r.wait(time.Second)
}

// want checks the state of the rollout.
func (r *replica) want(state State, stage mesh.RolloutStage, text string) {
	r.t.Helper()
	if state.Stage != stage || !strings.Contains(state.Message, text) {
		r.t.Fatalf("got %+v, want stage %s with %q", state, stage, text)
	}
}

// TestSharedCallsOfBefore: calls of which it is not known by which rules they are made do not hide that others stop, if there were as many before.
func TestSharedCallsOfBefore(t *testing.T) {
	r := newFollowed(t, "web", "batch")
	r.connectFrom("web", 2, follows)
	call := func(own uint64) {
		r.callsFrom("web", 1, own, 0, "cart")
		r.callsFrom("web", 500, 9000, 0, "cart")
		r.callsFrom("web", 2, 200, 0, "cart", "seldom")
		r.callsFrom("batch", 1, 1000, 0, "cart")
		r.callsFrom("batch", 500, 9000, 0, "cart")
	}
	for range 3 {
		call(1000)
		r.wait(time.Minute)
	}
	r.change()
	call(0)
	r.want(r.wait(time.Minute), mesh.RolloutAborted, "workload demo/web: ")
}

// TestSharedCallsCountOnce: calls of a workload with few calls that may be by any of several objects are made once.
func TestSharedCallsCountOnce(t *testing.T) {
	few := func(first, shared uint64) calls {
		c := newCalls()
		for i := range 4 {
			c.add(unit{fmt.Sprint("rule-", i), web}, pair{load.Attempts{Calls: first}, load.Attempts{Calls: 1000}})
		}
		c.add(unit{"", web}, pair{first: load.Attempts{Calls: shared}})
		return c
	}
	e := evidence{elapsed: time.Minute, calls: few(0, 20), before: few(60, 0), beforeFor: time.Minute}
	if got := e.silent(e.before, false); !strings.Contains(got, "all objects") {
		t.Errorf("got %q, want that 20 of 240 attempts are silence", got)
	}
}

// TestClientsThatWereAway: a client that was away, and begins to call again, makes fewer calls than before without any fault.
func TestClientsThatWereAway(t *testing.T) {
	for name, test := range map[string]struct {
		// first are the calls of another workload in each second, with which the rollout waits or not, and away is for how long one is.
		first uint64
		away  time.Duration
		why   string
	}{
		"while the rollout waits":   {0, 3 * time.Minute, "not connected all the time"},
		"while it waits for longer": {0, 15 * time.Minute, "counted too long ago"},
		"within the window":         {8, 55 * time.Second, "not connected all the time"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFollowed(t, "web", "one")
			for range 3 {
				r.callsFrom("web", 1, 60*test.first, 0, "cart")
				r.callsFrom("web", 500, 2000, 0, "cart")
				r.callsFrom("one", 1, 500, 0, "cart")
				r.wait(time.Minute)
			}
			r.change()
			all := r.clients
			r.clients = all[:1]
			for range int(test.away / (5 * time.Second)) {
				r.callsFrom("web", 1, 5*test.first, 0, "cart")
				r.callsFrom("web", 500, 170, 0, "cart")
				r.wait(5 * time.Second)
			}
			r.clients = all
			doubted := false
			for range 300 {
				r.callsFrom("web", 1, test.first, 0, "cart")
				r.callsFrom("web", 500, 34, 0, "cart")
				r.callsFrom("one", 1, 8, 0, "cart")
				s := r.wait(time.Second)
				if s.Stage == mesh.RolloutAborted {
					t.Fatalf("got %+v, want that it is not taken back", s)
				}
				if s.Stage == mesh.RolloutNone {
					if !doubted {
						t.Error("it was promoted before the client called as before")
					}
					return
				}
				doubted = doubted || strings.Contains(s.Message, test.why+": VirtualService demo/cart, workload demo/one")
			}
			t.Errorf("got %+v, want that it is promoted when the client calls as before", r.decider.States()[0])
		})
	}
}

// TestClientsThatUseNoRule: a client that is connected, and does not use the rule any more, is not expected to call by it.
func TestClientsThatUseNoRule(t *testing.T) {
	r := newFollowed(t, "web", "batch")
	for range 3 {
		r.callsFrom("web", 1, 500, 0, "cart")
		r.callsFrom("web", 500, 2000, 0, "cart")
		r.callsFrom("batch", 1, 500, 0, "cart")
		r.wait(time.Minute)
	}
	r.clients = r.clients[:1]
	r.connectFrom("batch", 1, &snapshot.Versioned{Refs: []mesh.Ref{{Kind: "Service", Namespace: "demo", Name: "another"}}})
	r.change()
	r.callsFrom("web", 1, 500, 0, "cart")
	r.callsFrom("web", 500, 2000, 0, "cart")
	r.want(r.wait(time.Minute), mesh.RolloutNone, "")
}

// TestShortWindow: within a window that is shorter than the interval of reports, most clients report nothing.
func TestShortWindow(t *testing.T) {
	for phase := range 10 {
		for _, stops := range []bool{false, true} {
			r := newReplica(t, true)
			r.decider.o.Loads = load.New(load.Options{Interval: 10 * time.Second})
			short := func(timeout string) string { return strings.Replace(version(timeout), "1m", "5s", 1) }
			r.apply(echoService+short("1s"), 1, mesh.ReasonPromoted)
			r.connectFrom("one", 1, follows)
			r.connectFrom("web", 1, follows)
			tick, stopped := 0, false
			step := func() State { // Each client calls 100 times a second, and reports that every 10 seconds.
				if tick++; tick%10 == phase && !stopped {
					r.callsFrom("one", 1, 1000, 0, "cart")
				}
				r.callsFrom("web", uint16(500+tick%10), 1000, 0, "cart")
				if tick%2 == 0 {
					r.callsFrom("web", 1, 200, 0, "cart")
				}
				return r.wait(time.Second)
			}
			for range 70 {
				step()
			}
			r.apply(short("2s"), 2, "")
			stopped = stops
			s := step()
			for range 60 {
				if s.Stage == mesh.RolloutRunning {
					s = step()
				}
			}
			if want := map[bool]mesh.RolloutStage{false: mesh.RolloutNone, true: mesh.RolloutAborted}[stops]; s.Stage != want {
				t.Errorf("phase %d, stops %v: got %+v, want stage %s", phase, stops, s, want)
			}
		}
	}
}

// TestOldCallsBefore: a rollout waits for hours, while a workload ends what it does each day. That it does not call then is no fault of a change.
func TestOldCallsBefore(t *testing.T) {
	for _, edit := range []bool{false, true} {
		r := newFollowed(t, "web", "day")
		call := func(rest, day uint64) {
			r.callsFrom("web", 1, 60, 0, "cart")
			r.callsFrom("web", 500, rest, 0, "cart")
			r.callsFrom("day", 1, day, 0, "cart")
		}
		for range 3 {
			call(600, 500)
			r.wait(time.Minute)
		}
		r.change()
		call(50, 500)
		r.want(r.wait(time.Minute), mesh.RolloutRunning, "must make 100 attempts")
		r.wait(10 * time.Hour)
		if edit {
			r.apply(version("3s"), 3, "")
			r.wait(time.Second)
			r.wait(time.Second)
		}
		call(600_000, 0)
		call(600_000, 0)
		r.want(r.wait(time.Minute), mesh.RolloutRunning, "counted too long ago: VirtualService demo/cart, workload demo/day: ")
	}
}

// TestOngoingOthers compares the sums of the workloads that go on with what they are by definition.
func TestOngoingOthers(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		e := evidence{calls: newCalls(), before: newCalls(), elapsed: time.Minute, beforeFor: time.Minute}
		var units []unit
		for range 1 + random.IntN(12) {
			u := unit{[]string{"", "rule-0", "rule-1"}[random.IntN(3)], load.Source{Workload: fmt.Sprint("w-", random.IntN(4)), Unproved: random.IntN(2) == 0}}
			units = append(units, u)
			e.add(u, pair{rest: load.Attempts{Calls: random.Uint64N(300)}})
			e.before.add(u, pair{rest: load.Attempts{Calls: random.Uint64N(300)}})
		}
		by := e.countOngoing()
		for _, u := range slices.DeleteFunc(units, func(u unit) bool { return u.object == "" }) {
			all, goOn := e.othersOf(u, u.object)
			if all == 0 {
				all, goOn = e.othersOf(u, "")
			}
			if on, known := by.goOn(u); known != (all > 0) || on != (all > 0 && 2*goOn >= all) {
				t.Errorf("seed %d, %v: got %v and %v, want %d of %d", seed, u, on, known, goOn, all)
			}
		}
	}
}

// othersOf counts the other workloads with which a unit is compared, and those of them that go on: by an object, or by all.
func (e *evidence) othersOf(u unit, object string) (all, goOn int) {
	for o, before := range e.before.units {
		if before.rest.Calls < enough || o.from == u.from || o.from.Unproved && !u.from.Unproved || object != "" && o.object != object {
			continue
		}
		if all++; 2*e.units[o].rest.Calls >= before.rest.Calls {
			goOn++
		}
	}
	return all, goOn
}
