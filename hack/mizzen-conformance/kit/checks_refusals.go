package kit

import "time"

// refusalChecks are about resources that a client cannot use.
var refusalChecks = []*Check{
	{
		ID: "nack", Area: "refusals", Rule: protocol,
		About: "it refuses a cluster that it cannot use: with the nonce of the response, the version that it accepted last, and a text; calls go on by what it had",
		run: func(t *trial) {
			t.begin()
			t.acknowledged(clusters)
			good := t.version(clusters)
			t.during(func() {
				t.plane.set(brokenCluster("kit-a"))
				t.refused(clusters, good)
				t.pause(500 * time.Millisecond)
			})
		},
	},
	{
		ID: "nack-undecodable", Area: "refusals", Rule: protocol,
		About: "it refuses a resource whose bytes are no message, and goes on by what it had",
		run: func(t *trial) {
			t.begin()
			for _, kind := range []string{endpoints, routes} {
				t.acknowledged(kind)
				good := t.version(kind)
				t.during(func() {
					t.plane.set(undecodable(kind, served[kind]))
					t.refused(kind, good)
				})
			}
		},
	},
	{
		ID: "nack-first", Area: "refusals", Rule: protocol,
		About: "it refuses the first response of a type with an empty version; calls fail as unavailable, and succeed after a response that it can use",
		run: func(t *trial) {
			t.plane.set(brokenCluster("kit-a"))
			t.start()
			t.unavailable(t.failing(t.timer()), "without a cluster")
			t.refused(clusters, "")
			t.plane.set(t.cluster("kit-a"))
			t.acknowledged(clusters)
			t.recover("a")
		},
	},
	{
		ID: "nack-once", Area: "refusals", Rule: protocol,
		About: "it refuses a response once, and does not ask again and again",
		run: func(t *trial) {
			t.begin()
			t.acknowledged(clusters)
			good := t.version(clusters)
			t.plane.set(brokenCluster("kit-a"))
			t.refused(clusters, good)
			sent := t.latest(clusters).response
			t.pause(2 * time.Second)
			r, _ := t.plane.seen()
			if n := len(r.requests(clusters).where(func(e event) bool { return e.request.GetResponseNonce() == sent.GetNonce() })); n > 1 {
				t.fail("the client answered the response %d times in 2 s", n)
			}
			if n := len(r.opened()); n > 1 {
				t.fail("the client opened %d more streams in 2 s after its refusal", n-1)
			}
		},
	},
	{
		ID: "nack-repaired", Area: "refusals", Rule: protocol,
		About: "after a refusal it takes the next response that it can use, and calls go by it",
		run: func(t *trial) {
			t.begin()
			t.acknowledged(endpoints)
			good := t.version(endpoints)
			t.during(func() {
				t.plane.set(undecodable(endpoints, endpointsOf("kit-a")))
				t.refused(endpoints, good)
				t.plane.set(load(endpointsOf("kit-a"), t.b))
				t.acknowledged(endpoints)
				t.reach("b")
			})
		},
	},
	{
		ID: "nack-half", Area: "refusals", Rule: "gRFC A46",
		About: "of a response with a good and a bad resource it uses the good one, and refuses the response",
		run: func(t *trial) {
			t.plane.set(split("kit-a", "kit-b"), t.cluster("kit-b"), load(endpointsOf("kit-b"), t.b))
			t.start()
			t.recover("a", "b")
			t.acknowledged(endpoints)
			good := t.version(endpoints)
			t.during(func() {
				t.plane.set(undecodable(endpoints, endpointsOf("kit-b")), load(endpointsOf("kit-a"), t.c))
				if got := t.refusal(endpoints); got.GetVersionInfo() != good {
					t.note = "its refusal has the version of the refused response"
				}
				t.reach("b", "c")
			})
		},
	},
	{
		ID: "filter-unknown", Area: "refusals", Rule: "gRFC A39",
		About: "it refuses a Listener with an HTTP filter that it does not know, and goes on by what it had",
		run: func(t *trial) {
			t.begin()
			t.acknowledged(listeners)
			good := t.version(listeners)
			t.during(func() {
				t.plane.set(t.listener(host, table, unknownFilter(false)))
				t.refused(listeners, good)
			})
		},
	},
	{
		ID: "filter-optional", Area: "refusals", Rule: "gRFC A39",
		About: "it accepts a Listener with an HTTP filter that it does not know if the filter is optional",
		run: func(t *trial) {
			t.begin()
			t.acknowledged(listeners)
			t.during(func() {
				t.plane.set(t.listener(host, table, unknownFilter(true)))
				t.acknowledged(listeners)
			})
		},
	},
}
