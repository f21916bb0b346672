package load_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func refOf(name string) mesh.Ref {
	return mesh.Ref{Kind: "VirtualService", Namespace: "shop", Name: name}
}

// TestWays has a client whose routes change between its reports.
func TestWays(t *testing.T) {
	to := load.Service{Namespace: "shop", Name: "cart"}
	table := load.New(load.Options{Interval: time.Second})
	var by load.Rules
	asked := 0
	s := table.OpenWith(load.Client{Source: web, Bucket: 7, Find: find, Rules: func(string) load.Rules {
		asked++
		return by
	}})
	way := func(names ...string) load.Way {
		var rules load.Rules
		for _, name := range names {
			rules.Routes = append(rules.Routes, []mesh.Ref{refOf(name)})
		}
		return load.WayOf(web, to, rules)
	}
	routes := func(names ...string) {
		by.Routes = nil
		for _, name := range names {
			by.Routes = append(by.Routes, []mesh.Ref{refOf(name)})
		}
	}
	routes("a")
	s.Add([]load.Report{report(cart, "", 1, 0, 0)})
	if asked != 0 {
		t.Error("it is asked for the rules of a Service that is not followed")
	}
	table.Follow(map[load.Service]struct{}{to: {}})
	want := map[load.Way]uint64{}
	for _, step := range []struct {
		now   []string
		calls uint64
		way   load.Way
	}{
		{[]string{"a"}, 1, way("a")},
		{[]string{"b", "a"}, 2, way("a", "b")},
		{[]string{"b"}, 4, way("a", "b")},
		{[]string{"b"}, 8, way("b")},
		{nil, 16, way("b")}, // The last calls to a cluster that the client has left.
		{nil, 32, way("b")},
	} {
		routes(step.now...)
		s.Add([]load.Report{report(cart, "", step.calls, 0, 0)})
		want[step.way] += step.calls
	}
	share := mesh.Share{Part: mesh.First, Buckets: 10}
	got := byWay(table, to, share)
	for w, n := range want {
		if got[w].Calls != n {
			_, routes := w.Objects()
			t.Errorf("got %d attempts by %v, want %d", got[w].Calls, routes, n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A client that changes its routes all the time makes a bounded number of ways, and what exceeds it is unknown.
	var sum uint64
	for i := range 1000 {
		routes(fmt.Sprint("r", i))
		s.Add([]load.Report{report(cart, "", 1, 0, 0)})
	}
	got = byWay(table, to, share)
	for _, n := range got {
		sum += n.Calls
	}
	unknown := got[load.Way{Service: to, From: web}]
	if len(got) > 65 || sum != 63+1000 || unknown.Calls < 900 {
		t.Errorf("got %d ways with %d attempts, %d of them unknown", len(got), sum, unknown.Calls)
	}
}

// TestManyWorkloads: attempts are counted by workload. Clients that prove nothing can be of any number of namespaces, and take no counters from others.
func TestManyWorkloads(t *testing.T) {
	to := load.Service{Namespace: "shop", Name: "cart"}
	table := load.New(load.Options{Interval: time.Second})
	table.Follow(map[load.Service]struct{}{to: {}})
	const liars = 40_000
	for i := range liars {
		s := table.Open(load.Source{Namespace: fmt.Sprint("n-", i%5000), Workload: load.UnprovedWorkload, Unproved: true}, uint16(i%1024), find)
		s.Add([]load.Report{report(cart, "", 1, 0, 0)})
		s.Close()
	}
	for i := range 1000 {
		s := table.Open(load.Source{Namespace: "shop", Workload: fmt.Sprint("w-", i)}, uint16(i%1024), find)
		s.Add([]load.Report{report(cart, "", 1, 1, 0)})
		s.Close()
	}
	var sum, other uint64
	proved := 0
	for way, n := range byWay(table, to, mesh.Share{}) {
		sum += n.Calls
		switch {
		case way.From.Workload == load.Other:
			other += n.Calls
		case !way.From.Unproved:
			proved++
			if n != (load.Attempts{Calls: 2, Errors: 1}) {
				t.Errorf("got %+v of %+v", n, way.From)
			}
		}
	}
	if sum != liars+2000 || proved != 1000 || other != liars-1<<15 {
		t.Errorf("got %d attempts, of %d proved workloads, and %d of what is not told apart", sum, proved, other)
	}
}

// TestWorkloadsThatEnded: counters of workloads that are gone make room for others. Those of a workload of which one client is left stay.
func TestWorkloadsThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := load.Service{Namespace: "shop", Name: "cart"}
		table := load.New(load.Options{Interval: time.Second})
		table.Follow(map[load.Service]struct{}{to: {}})
		call := func(workload string, buckets int) {
			for i := range buckets {
				s := table.Open(load.Source{Namespace: "shop", Workload: workload}, uint16(i), find)
				s.Add([]load.Report{report(cart, "", 1, 0, 0)})
				s.Close()
			}
		}
		for i := range 32 {
			call(fmt.Sprint("job-", i), 1024)
		}
		call("early", 1)
		time.Sleep(time.Hour) //nolint:forbidigo // In a bubble.
		call("job-0", 1)
		call("web", 2)
		got := byWay(table, to, mesh.Share{})
		for workload, want := range map[string]uint64{"web": 2, "job-0": 1025, "job-1": 0, "early": 0} {
			if n := got[load.Way{Service: to, From: load.Source{Namespace: "shop", Workload: workload}}]; n.Calls != want {
				t.Errorf("got %+v of %s, want %d", n, workload, want)
			}
		}
		if n := got[load.Way{Service: to, From: load.Source{Workload: load.Other}}]; len(got) != 3 || n.Calls != 1 {
			t.Errorf("got %d ways, and %+v of others", len(got), n)
		}
	})
}

// byWay returns the attempts of the clients of a share.
func byWay(table *load.Table, to load.Service, share mesh.Share) map[load.Way]load.Attempts {
	all := map[load.Way]load.Attempts{}
	for lane, n := range table.Attempts(to) {
		if share.Has(lane.Bucket) {
			all[lane.Way] = all[lane.Way].Plus(n)
		}
	}
	return all
}
