package kit

import "time"

// updateChecks are about changes, and about those that arrive in parts.
var updateChecks = []*Check{
	{
		ID: "endpoints-change", Area: "updates", Rule: protocol,
		About: "calls go to new endpoints, and none fails",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				t.plane.set(load(endpointsOf("kit-a"), t.a, t.b))
				t.reach("a", "b")
				t.plane.set(load(endpointsOf("kit-a"), t.c))
				t.reach("c")
			})
		},
	},
	{
		ID: "same-again", Area: "updates", Rule: protocol,
		About: "it acknowledges the same resources with a new version, and no call fails",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				for _, r := range []resource{t.cluster("kit-a"), load(endpointsOf("kit-a"), t.a), t.listener(host, table), route("kit-a")} {
					t.plane.set(r)
					t.acknowledged(r.kind)
				}
			})
		},
	},
	{
		ID: "cluster-late", Area: "half-applied updates", Rule: a27,
		About: "if a route names a new cluster before that is sent, calls wait or go to the old one, and none fails",
		run:   func(t *trial) { t.late(clusters, "kit-b") },
	},
	{
		ID: "endpoints-late", Area: "half-applied updates", Rule: a27,
		About: "if a route names a new cluster before its endpoints are sent, calls wait or go to the old one, and none fails",
		run:   func(t *trial) { t.late(endpoints, endpointsOf("kit-b")) },
	},
	{
		ID: "service-renamed", Area: "half-applied updates", Rule: a27,
		About: "if a cluster names other endpoints before those are sent, calls wait or go to the old ones, and none fails",
		run: func(t *trial) {
			t.plane.set(load("kit-renamed", t.b))
			t.plane.withhold(endpoints, "kit-renamed")
			t.begin()
			t.during(func() {
				t.plane.set(t.clusterWith("kit-a", "kit-renamed"))
				t.await("ask for the other endpoints", func(r record) bool { return t.asked(r, endpoints, "kit-renamed") })
				t.pause(500 * time.Millisecond)
				t.plane.release(endpoints)
				t.reach("b")
			})
		},
	},
	{
		ID: "routes-renamed", Area: "half-applied updates", Rule: a27,
		About: "if a Listener names another RouteConfiguration before that is sent, calls wait or go by the old one, and none fails",
		run: func(t *trial) {
			other := routeOf("kit-other-routes", "kit-b")
			t.plane.set(t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b), other)
			t.plane.withhold(routes, other.name)
			t.begin()
			t.during(func() {
				t.plane.set(t.listener(host, other.name))
				t.await("ask for the other RouteConfiguration", func(r record) bool { return t.asked(r, routes, other.name) })
				t.pause(500 * time.Millisecond)
				t.plane.release(routes)
				t.reach("b")
			})
		},
	},
}

// late has a route name kit-b while one of its resources is withheld.
func (t *trial) late(kind, name string) {
	t.plane.withhold(kind, name)
	t.begin()
	t.during(func() {
		t.plane.set(t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b), route("kit-b"))
		t.await("ask for what the route names", func(r record) bool { return t.asked(r, kind, name) })
		t.pause(500 * time.Millisecond)
		t.plane.release(kind)
		t.reach("b")
	})
}
