package kit

import (
	"slices"
	"time"
)

// wildcardChecks are about clients that subscribe to all Listeners and clusters.
var wildcardChecks = []*Check{
	{
		ID: "wildcard", Area: "wildcards", Rule: protocol, of: byWildcard,
		About: "it subscribes to all Listeners and clusters by a first list that is empty, or by `*`, and on each stream anew; it asks for routes and endpoints by name",
		run: func(t *trial) {
			t.begin()
			t.plane.end()
			t.resubscribed()
			t.reach("a")
			r, _ := t.plane.seen()
			for _, e := range r.where(func(e event) bool { return e.act == requested }) {
				kind, names := e.request.GetTypeUrl(), e.request.GetResourceNames()
				switch subscribes := len(names) == 0 || slices.Contains(names, wildcard); {
				case whole(kind) && !subscribes:
					t.fail("the client asked %s for %q, and should subscribe to everything", short[kind], names)
				case !whole(kind) && e.first && subscribes:
					t.fail("the first request for %s is %q, and should name what responses name", short[kind], names)
				}
			}
		},
	},
	{
		ID: "wildcard-empty", Area: "wildcards", Rule: protocol, of: byWildcard,
		About: "a first response of CDS and LDS without resources is acknowledged; when there are some, calls succeed",
		run: func(t *trial) {
			t.plane.remove(clusters, "kit-a")
			t.plane.remove(listeners, host)
			t.start()
			for _, kind := range []string{clusters, listeners} {
				t.await("ask for "+short[kind], func(r record) bool { return len(r.requests(kind)) > 0 })
				t.acknowledged(kind)
			}
			t.plane.set(t.cluster("kit-a"), t.listener(host, table))
			t.recover("a")
		},
	},
	{
		ID: "wildcard-added", Area: "wildcards", Rule: protocol, of: byWildcard,
		About: "it uses Listeners and clusters that are new in a response, and no other call fails meanwhile",
		run: func(t *trial) {
			const added, rules = "added.test:50051", "kit-added-routes"
			t.begin()
			t.during(func() {
				t.plane.set(t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b), t.listener(added, rules), routeOf(rules, "kit-b"))
				for end := time.Now().Add(t.patience); ; {
					o := t.calls(added, 1, t.timer())[0]
					if o.ok() && o.backend() == "b" {
						break
					} else if time.Now().After(end) {
						t.fail("a call to a Listener that was added should reach b: %v", &o)
					}
				}
			})
		},
	},
	{
		ID: "wildcard-removed", Area: "wildcards", Rule: protocol, of: byWildcard,
		About: "when a cluster is absent from a response, it no longer asks for the cluster's endpoints, and no other call fails",
		run: func(t *trial) {
			t.plane.set(t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b))
			t.begin()
			t.await("ask for the endpoints of each cluster", func(r record) bool { return t.asked(r, endpoints, endpointsOf("kit-b")) })
			t.during(func() {
				t.plane.remove(clusters, "kit-b")
				t.await("stop to ask for the endpoints of a cluster that was removed", func(r record) bool {
					return slices.Equal(r.last(1, endpoints).GetResourceNames(), []string{endpointsOf("kit-a")})
				})
			})
		},
	},
}
