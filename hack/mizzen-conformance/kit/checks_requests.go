package kit

import (
	"slices"
	"time"
)

// served are the names with which each check begins.
var served = map[string]string{listeners: host, routes: table, clusters: "kit-a", endpoints: endpointsOf("kit-a")}

// requestChecks are about what a client asks for, and how it answers.
var requestChecks = []*Check{
	{
		ID: "first-request", Area: "requests", Rule: protocol,
		About: "the first request of a stream has a node with an id, and the first of each type has neither version nor nonce",
		run: func(t *trial) {
			t.begin()
			r, _ := t.plane.seen()
			for i, e := range r.where(func(e event) bool { return e.act == requested && e.first }) {
				if i == 0 && e.request.GetNode().GetId() == "" {
					t.fail("the first request has no node with an id")
				}
				if e.request.GetVersionInfo() != "" || e.request.GetResponseNonce() != "" {
					t.fail("the first request for %s has the version %q and the nonce %q", short[e.request.GetTypeUrl()], e.request.GetVersionInfo(), e.request.GetResponseNonce())
				}
			}
		},
	},
	{
		ID: "by-name", Area: "requests", Rule: a27, of: byName,
		About: "it asks for the Listener that it was told to call, and then for what the responses name; its first list of no type is empty, which would subscribe to everything",
		run: func(t *trial) {
			t.begin()
			r, _ := t.plane.seen()
			for _, e := range r.where(func(e event) bool { return e.act == requested && e.first }) {
				if len(e.request.GetResourceNames()) == 0 {
					t.fail("the first request for %s names no resource: it subscribes to all of them", short[e.request.GetTypeUrl()])
				}
			}
			for kind, want := range served {
				if got := t.plane.names(kind); !slices.Equal(got, []string{want}) {
					t.fail("the client asks %s for %q, and should ask for %q", short[kind], got, want)
				}
			}
		},
	},
	{
		ID: "order", Area: "requests", Rule: a27,
		About: "it asks for no resource before a response names it",
		run: func(t *trial) {
			// Each type waits for a while, so that a client that asks too early is seen.
			for kind, name := range served {
				t.plane.withhold(kind, name)
			}
			t.start()
			sequence, meanwhile := types, t.during // a call has the client ask
			if t.wildcard {
				// It asks without a call, and may wait for its clusters before it asks for Listeners.
				sequence, meanwhile = []string{clusters, endpoints, listeners, routes}, func(do func()) { do() }
			}
			meanwhile(func() {
				for i, kind := range sequence {
					t.await("ask for "+short[kind], func(r record) bool { return len(r.requests(kind)) > 0 })
					t.pause(200 * time.Millisecond)
					r, _ := t.plane.seen()
					for _, later := range sequence[i+1:] {
						if len(r.requests(later)) > 0 && !t.all(later) {
							t.fail("the client asked for %s before it had %s", short[later], short[kind])
						}
					}
					t.plane.release(kind)
				}
			})
		},
	},
	{
		ID: "ack", Area: "requests", Rule: protocol,
		About: "it acknowledges each response with its version and nonce",
		run: func(t *trial) {
			t.begin()
			for _, kind := range types {
				t.acknowledged(kind)
			}
			t.plane.set(load(endpointsOf("kit-a"), t.b))
			t.acknowledged(endpoints)
			t.reach("b")
		},
	},
	{
		ID: "ack-each-nonce", Area: "requests", Rule: protocol,
		About: "of several responses in a row it answers the last, and each nonce in its requests is one that it was sent on that stream for that type",
		run: func(t *trial) {
			t.begin()
			for _, b := range []*backend{t.b, t.c, t.b, t.c} {
				t.plane.set(load(endpointsOf("kit-a"), b))
			}
			t.acknowledged(endpoints)
			t.reach("c")
			t.plane.end()
			t.await("open a new stream", func(r record) bool { return len(r.opened()) > 1 && len(r.requests(endpoints)) > 0 })
			t.reach("c")
			r, _ := t.plane.seen()
			for i, e := range r {
				if nonce := e.request.GetResponseNonce(); e.act == requested && nonce != "" && !sent(r[:i], e, nonce) {
					t.fail("a request for %s has the nonce %q, which no response of that type on that stream had", short[e.request.GetTypeUrl()], nonce)
				}
			}
		},
	},
}

// sent is whether a stream was sent a nonce for the type of a request.
func sent(before record, e event, nonce string) bool {
	return slices.ContainsFunc(before.responses(e.request.GetTypeUrl()), func(s event) bool {
		return s.stream == e.stream && s.response.GetNonce() == nonce
	})
}
