package kit

import "time"

// deletionChecks are about resources that are deleted, and empty ones.
var deletionChecks = []*Check{
	{
		ID: "listener-deleted", Area: "deletions", Rule: "xDS protocol, gRFC A53, A88",
		About: "when its Listener is absent from a response, calls fail as unavailable or go on by the last one; when it is back, calls succeed",
		run:   func(t *trial) { t.deleted(listeners, host, t.listener(host, table)) },
	},
	{
		ID: "cluster-deleted", Area: "deletions", Rule: "xDS protocol, gRFC A53, A88",
		About: "when a cluster that routes name is absent from a response, calls fail as unavailable or go on by the last one; when it is back, calls succeed",
		run:   func(t *trial) { t.deleted(clusters, "kit-a", t.cluster("kit-a")) },
	},
	{
		ID: "empty-response", Area: "empty lists", Rule: protocol,
		About: "a response of RDS or EDS without resources is acknowledged and deletes nothing",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				for _, kind := range []string{routes, endpoints} {
					t.plane.push(kind)
					t.acknowledged(kind)
				}
				t.pause(300 * time.Millisecond)
			})
		},
	},
	{
		ID: "partial-response", Area: "empty lists", Rule: protocol,
		About: "a response of EDS with a part of the resources changes that part",
		run: func(t *trial) {
			t.plane.set(split("kit-a", "kit-b"), t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b))
			t.start()
			t.recover("a", "b")
			t.during(func() {
				t.plane.push(endpoints, load(endpointsOf("kit-a"), t.c))
				t.acknowledged(endpoints)
				t.reach("b", "c")
			})
		},
	},
	{
		ID: "no-endpoints", Area: "empty lists", Rule: "gRFC A56",
		About: "calls to a cluster without endpoints fail as unavailable; when it has endpoints, calls succeed",
		run: func(t *trial) {
			t.begin()
			t.plane.set(load(endpointsOf("kit-a")))
			t.unavailable(t.failing(t.patience), "without endpoints")
			t.acknowledged(endpoints)
			t.plane.set(load(endpointsOf("kit-a"), t.b))
			t.recover("b")
		},
	},
	{
		ID: "no-virtual-host", Area: "empty lists", Rule: a27,
		About: "calls fail as unavailable by a RouteConfiguration without virtual hosts; with one, calls succeed",
		run: func(t *trial) {
			t.begin()
			t.plane.set(hosts(table))
			t.unavailable(t.failing(t.patience), "without virtual hosts")
			t.plane.set(route("kit-a"))
			t.recover("a")
		},
	},
	{
		ID: "unsubscribe", Area: "deletions", Rule: a27, of: byName,
		About: "it no longer asks for a cluster that no route names, nor for the cluster's endpoints",
		run: func(t *trial) {
			t.plane.set(t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b))
			t.begin()
			t.during(func() {
				t.plane.set(route("kit-b"))
				t.reach("b")
				for kind, want := range map[string]string{clusters: "kit-b", endpoints: endpointsOf("kit-b")} {
					t.await("stop to ask for the "+short[kind]+" that it needs no more", func(r record) bool {
						last := r.last(1, kind)
						return len(last.GetResourceNames()) == 1 && last.GetResourceNames()[0] == want
					})
				}
			})
		},
	},
}

// deleted deletes a resource that calls need, and serves it again.
func (t *trial) deleted(kind, name string, again resource) {
	t.begin()
	t.plane.remove(kind, name)
	t.acknowledged(kind)
	if o := t.failing(2 * time.Second); o != nil {
		t.unavailable(o, "without it")
		t.note = "calls fail"
	} else {
		t.note = "calls go on"
	}
	t.plane.set(again)
	t.acknowledged(kind)
	t.recover("a")
}
