package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// callsOf are calls of the clients of a workload in both parts.
type callsOf struct {
	workload                             string
	first, firstErrors, rest, restErrors uint64
}

func (r *replica) report(all []callsOf) {
	for _, c := range all {
		r.callsFrom(c.workload, 1, c.first-c.firstErrors, c.firstErrors, "cart")
		r.callsFrom(c.workload, 500, c.rest-c.restErrors, c.restErrors, "cart")
	}
}

// TestWorkloads: workloads differ in how many calls they make, how many of these fail, and which part of their clients follows a change first.
// What decides is whether calls of a workload fail more often than they would without the change.
func TestWorkloads(t *testing.T) {
	seldom := func(firstErrors uint64) (all []callsOf) {
		for name := range strings.FieldsSeq("a b c d e f g h i j k l m n o p q r s t") {
			all = append(all, callsOf{name, 20, firstErrors, 90, 0})
		}
		return all
	}
	for name, test := range map[string]struct {
		before, after []callsOf
		want          mesh.RolloutStage
		text          string
	}{
		"one that always fails has most calls of the first part": {nil, []callsOf{{"web", 1000, 0, 90_000, 0}, {"batch", 50_000, 25_000, 1000, 500}}, mesh.RolloutNone, "of 51000 attempts"},
		"one that succeeds hides one whose calls fail":           {nil, []callsOf{{"web", 1000, 1000, 9000, 0}, {"batch", 1_000_000, 0, 1000, 0}}, mesh.RolloutAborted, "workload demo/web: 100.0% of 1000"},
		"one that succeeds hides few calls that fail":            {nil, []callsOf{{"web", 10, 10, 9000, 0}, {"batch", 1_000_000, 0, 1000, 0}}, mesh.RolloutRunning, "workload demo/web: 100.0% of 10 "},
		"the rest has those that fail":                           {nil, []callsOf{{"web", 1000, 50, 9000, 0}, {"batch", 1000, 500, 90_000, 45_000}}, mesh.RolloutAborted, "workload demo/web: 5.0% of 1000"},
		"one is in the first part alone":                         {[]callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 0, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 50, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 5.0% of 1000"},
		"one that always fails does not hide it":                 {[]callsOf{{"web", 0, 0, 9000, 0}, {"noisy", 0, 0, 90_000, 90_000}, {"one", 1000, 0, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"noisy", 0, 0, 90_000, 90_000}, {"one", 1000, 50, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 5.0% of 1000"},
		"one that begins to fail does not hide it":               {[]callsOf{{"web", 0, 0, 9000, 0}, {"noisy", 0, 0, 90_000, 0}, {"one", 1000, 0, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"noisy", 0, 0, 90_000, 90_000}, {"one", 1000, 50, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 5.0% of 1000"},
		"all others begin to fail":                               {[]callsOf{{"web", 0, 0, 9000, 0}, {"shop", 0, 0, 9000, 90}, {"one", 1000, 0, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 4500}, {"shop", 0, 0, 9000, 9000}, {"one", 1000, 500, 0, 0}}, mesh.RolloutNone, "50.0% of 1000"},
		"nothing is known before, and one always fails":          {nil, []callsOf{{"web", 0, 0, 9000, 0}, {"noisy", 0, 0, 900_000, 900_000}, {"one", 1000, 700, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 70.0% of 1000"},
		"it failed before":                                       {[]callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 48, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 50, 0, 0}}, mesh.RolloutNone, "5.0% of 1000"},
		"it failed before, and fails more often":                 {[]callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 48, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 250, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 25.0% of 1000"},
		"all failed before, and it goes on to fail":              {[]callsOf{{"web", 1000, 600, 9000, 5400}}, []callsOf{{"web", 1000, 500, 9000, 0}}, mesh.RolloutAborted, "workload demo/web: 50.0% of 1000"},
		"others do not fail any more":                            {[]callsOf{{"web", 0, 0, 9000, 5400}, {"one", 1000, 500, 0, 0}}, []callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 500, 0, 0}}, mesh.RolloutNone, "50.0% of 1000"},
		"few call by then":                                       {[]callsOf{{"web", 1000, 0, 9000, 0}, {"one", 60, 2, 0, 0}, {"two", 50, 49, 0, 0}}, []callsOf{{"web", 1000, 0, 9000, 0}, {"one", 40, 1, 0, 0}, {"two", 90, 88, 0, 0}}, mesh.RolloutNone, "of 1130 attempts"},
		"it called much less before":                             {[]callsOf{{"web", 20, 0, 9000, 0}}, []callsOf{{"web", 1000, 50, 9000, 0}}, mesh.RolloutAborted, "workload demo/web: 5.0% of 1000"},
		"one of many has failed before":                          {append(seldom(0), callsOf{"z", 90, 45, 9, 4}), append(seldom(4), callsOf{"z", 90, 45, 9, 4}), mesh.RolloutAborted, "workloads with few calls"},
		"only one of many was there before":                      {[]callsOf{{"a", 20, 4, 90, 0}}, seldom(4), mesh.RolloutAborted, "workloads with few calls"},
		"it is not known whether it failed before":               {nil, []callsOf{{"web", 0, 0, 9000, 0}, {"one", 1000, 50, 0, 0}}, mesh.RolloutAborted, "workload demo/one: 5.0% of 1000"},
		"one pod of many was broken before":                      {[]callsOf{{"web", 1000, 100, 9000, 0}}, []callsOf{{"web", 1000, 110, 9000, 0}}, mesh.RolloutNone, "11.0% of 1000"},
		"all calls fail in both parts":                           {nil, []callsOf{{"web", 1000, 1000, 9000, 9000}}, mesh.RolloutRunning, "fewer than 100 attempts with the new version succeeded"},
		"all calls fail in the rest alone":                       {nil, []callsOf{{"web", 1000, 0, 9000, 9000}}, mesh.RolloutNone, "100.0% of 9000 attempts without"},
		"many call seldom":                                       {nil, seldom(0), mesh.RolloutNone, "of 400 attempts"},
		"many call seldom, and some calls fail":                  {nil, seldom(1), mesh.RolloutAborted, "of which nothing is known before the change: 5.0% of 400 attempts"},
		"two of a hundred fail, as may happen":                   {nil, []callsOf{{"web", 110, 2, 1000, 5}}, mesh.RolloutNone, "of 110 attempts"},
		"too few fail to know":                                   {nil, []callsOf{{"web", 110, 4, 1000, 1}}, mesh.RolloutRunning, "too few to know"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
			r.wait(time.Second)
			for range 2 { // The first of them begins to count.
				r.report(test.before)
				r.wait(time.Minute)
			}
			r.apply(version("2s"), 2, "")
			r.wait(time.Second)
			r.wait(time.Second)
			r.report(test.after)
			if state := r.wait(time.Minute); state.Stage != test.want || !strings.Contains(state.Message, test.text) {
				t.Errorf("got %+v, want stage %s with %q", state, test.want, test.text)
			}
		})
	}
}

// TestNotProved: calls of a client that chooses its namespace, and may report what it likes, are not those with which others are compared.
func TestNotProved(t *testing.T) {
	proved, other := load.Source{Namespace: "shop", Workload: "web"}, load.Source{Namespace: "shop", Workload: "other"}
	unproved := load.Source{Namespace: "shop", Workload: "unproved", Unproved: true}
	calls := func(n, errors uint64) load.Attempts { return load.Attempts{Calls: n, Errors: errors} }
	for name, test := range map[string]struct {
		now, before map[load.Source]pair
		want        Reason
		text        string
	}{
		"they fail":                        {map[load.Source]pair{proved: {calls(1000, 1000), calls(0, 0)}, unproved: {calls(200, 0), calls(900_000, 900_000)}, other: {calls(0, 0), calls(9000, 0)}}, nil, ReasonAborted, "shop/web"},
		"they fail, and before is known":   {map[load.Source]pair{proved: {calls(1000, 50), calls(0, 0)}, unproved: {calls(200, 0), calls(900_000, 900_000)}}, map[load.Source]pair{proved: {calls(1000, 0), calls(0, 0)}, unproved: {calls(200, 0), calls(900_000, 0)}}, ReasonAborted, "shop/web"},
		"there are no others":              {map[load.Source]pair{proved: {calls(1000, 500), calls(0, 0)}, unproved: {calls(200, 0), calls(900_000, 900_000)}}, nil, ReasonTooFewCalls, "with which to compare them: rule-0, workload shop/web: 50.0%"},
		"few calls of many":                {map[load.Source]pair{proved: {calls(200, 40), calls(90, 0)}, unproved: {calls(200, 0), calls(900_000, 450_000)}, other: {calls(90, 20), calls(90, 0)}}, nil, ReasonAborted, "20."},
		"none is proved, and all are well": {map[load.Source]pair{unproved: {calls(200, 0), calls(9000, 0)}}, nil, ReasonPromoted, ""},
		"none is proved":                   {map[load.Source]pair{unproved: {calls(200, 100), calls(9000, 0)}}, nil, ReasonAborted, "unproved"},
		"they are in the first part alone": {map[load.Source]pair{unproved: {calls(200, 100), calls(0, 0)}, other: {calls(0, 0), calls(9000, 0)}}, nil, ReasonAborted, "unproved"},
	} {
		t.Run(name, func(t *testing.T) {
			e := evidence{policy: mesh.RolloutPolicy{Percent: 10, Window: time.Minute, Abort: true}, clients: 1, elapsed: time.Minute, calls: newCalls(), before: newCalls(), beforeFor: time.Minute}
			for from, p := range test.now {
				e.add(unit{"rule-0", from}, p)
			}
			for from, p := range test.before {
				e.before.add(unit{"rule-0", from}, p)
			}
			if v := judge(e); v.reason != test.want || !strings.Contains(v.message, test.text) {
				t.Errorf("got %+v, want %s with %q", v, test.want, test.text)
			}
		})
	}
}

// TestShareChanges: clients that follow a change since its share was raised did not follow it before.
func TestShareChanges(t *testing.T) {
	r := newReplica(t, true)
	r.apply(echoService+version("1s"), 1, mesh.ReasonPromoted)
	for _, bucket := range []uint16{1, 150, 500} { // The second one follows a change of 20%.
		r.connect(bucket, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
	}
	r.wait(time.Second)
	r.calls(150, 10_000, 10_000)
	r.wait(time.Minute)
	r.apply(version("2s"), 2, "")
	r.wait(time.Second)
	r.wait(time.Second)
	r.apply(strings.Replace(version("2s"), "10%", "20%", 1), 2, "")
	for range 2 {
		for _, bucket := range []uint16{1, 150, 500} {
			r.calls(bucket, 200, 0)
		}
		if state := r.wait(time.Second); state.Reason != ReasonInProgress {
			t.Fatalf("got %+v, want that the window begins anew", state)
		}
	}
	for _, bucket := range []uint16{1, 150, 500} {
		r.calls(bucket, 200, 0)
	}
	state := r.wait(time.Minute)
	if state.Stage != mesh.RolloutNone || state.First.Calls != 400 {
		t.Errorf("got %+v, want that it is promoted by the calls since", state)
	}
}
