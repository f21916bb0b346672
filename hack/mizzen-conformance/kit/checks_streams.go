package kit

import (
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusing is how the plane refuses streams.
var refusing = status.Error(codes.Unavailable, "the kit refuses streams")

// refusedFor is how long streams are refused, and mostOpenings how many may be opened in that time.
const (
	refusedFor   = 6 * time.Second
	mostOpenings = 12
)

// streamChecks are about streams that end, and a control plane that is away.
var streamChecks = []*Check{
	{
		ID: "reconnect", Area: "reconnects", Rule: protocol,
		About: "when its stream ends it opens another, with its node, and asks for all that it needs; no call fails",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				t.plane.end()
				r := t.resubscribed()
				second := r.where(func(e event) bool { return e.act == requested && e.stream > 1 })
				if second[0].request.GetNode().GetId() == "" {
					t.fail("the first request of the new stream has no node with an id")
				}
				t.plane.set(load(endpointsOf("kit-a"), t.b))
				t.reach("b")
			})
		},
	},
	{
		ID: "reconnect-versions", Area: "reconnects", Rule: protocol,
		About: "on a new stream its first request of each type has the version that it accepted last, and no nonce",
		run: func(t *trial) {
			t.begin()
			for range 2 {
				t.plane.set(load(endpointsOf("kit-a"), t.a))
			}
			want := map[string]string{}
			for _, kind := range types {
				t.acknowledged(kind)
				want[kind] = t.version(kind)
			}
			t.plane.end()
			for _, e := range t.resubscribed() {
				if e.act != requested || !e.first || e.stream == 1 {
					continue
				}
				kind := e.request.GetTypeUrl()
				if got := e.request.GetVersionInfo(); got != want[kind] {
					t.fail("the first request of the new stream for %s has the version %q, and should have %q", short[kind], got, want[kind])
				}
				if e.request.GetResponseNonce() != "" {
					t.fail("the first request of the new stream for %s has a nonce", short[kind])
				}
			}
			t.reach("a")
		},
	},
	{
		ID: "away", Area: "reconnects", Rule: protocol,
		About: "while the control plane is away for 3 s no call fails; then the client has what changed",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				t.plane.stop()
				t.pause(3 * time.Second)
				t.plane.set(load(endpointsOf("kit-a"), t.b))
				if err := t.plane.start(); err != nil {
					t.fail("%v", err)
				}
				t.reach("b")
			})
		},
	},
	{
		ID: "away-at-start", Area: "reconnects", Rule: a27,
		About: "a client that starts while the control plane is away succeeds once it is there",
		run: func(t *trial) {
			t.plane.stop()
			t.start()
			t.calls(host, 1, 2*time.Second)
			if err := t.plane.start(); err != nil {
				t.fail("%v", err)
			}
			t.recover("a")
		},
	},
	{
		ID: "back-off", Area: "back-off", Rule: protocol,
		About: "while each of its streams is refused at once it waits longer and longer between them: at most 12 streams in 6 s; no call fails, and then it has what changed",
		run: func(t *trial) {
			t.begin()
			t.during(func() {
				t.plane.refuse(refusing)
				t.plane.end()
				before, _ := t.plane.seen()
				t.pause(refusedFor)
				after, _ := t.plane.seen()
				n := len(after.opened()) - len(before.opened())
				switch {
				case n > mostOpenings:
					t.fail("the client opened %d streams in %v, each of which was refused", n, refusedFor)
				case n == 0:
					t.fail("the client opened no stream in %v", refusedFor)
				}
				t.plane.set(load(endpointsOf("kit-a"), t.b))
				t.plane.refuse(nil)
				t.arrive(t.timer(), false, []string{"b"}) // after a longer pause than the last
			})
		},
	},
	{
		ID: "back-off-first", Area: "back-off", Rule: protocol,
		About: "the same for a client that starts: at most 12 streams in 6 s, calls fail as unavailable, and succeed once streams are served",
		run: func(t *trial) {
			t.plane.refuse(refusing)
			t.start()
			t.unavailable(t.failing(t.timer()), "while all streams are refused")
			t.pause(refusedFor)
			r, _ := t.plane.seen()
			if n := len(r.where(func(e event) bool { return e.act == opened && e.at.After(time.Now().Add(-refusedFor)) })); n > mostOpenings {
				t.fail("the client opened %d streams in %v, each of which was refused", n, refusedFor)
			}
			t.plane.refuse(nil)
			t.recover("a")
		},
	},
}

// resubscribed waits until a later stream asks for all that the first had.
func (t *trial) resubscribed() record {
	return t.await("ask for all resources on a new stream", func(r record) bool {
		return !slices.ContainsFunc(types, func(kind string) bool {
			return !slices.ContainsFunc(r, func(e event) bool { return e.stream > 1 && t.asks(e, kind, served[kind]) })
		})
	})
}
