package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// record is what is remembered of one rollout.
type record struct {
	candidate string
	// buckets are those of the clients that follow the change. Everything that was counted is by them.
	buckets uint16
	// seen is when the change was seen first, and settled is set once the conditions of objects are about it.
	seen    time.Time
	settled bool
	// acknowledged is when all clients that follow the change had it. begun is when the reports about the calls before that had
	// arrived, and start is what had been attempted then.
	acknowledged, begun time.Time
	start               mark
	// stayed are the clients of the part that follows the change that have been connected since then.
	stayed map[load.Caller]struct{}
	// waiting is since when clients have not acknowledged it, and late are those for which it is not waited any more.
	waiting time.Time
	late    []string
	// met is set when a client follows the change. The window begins then, however long there was none.
	met bool
	// emptied is when the destinations of the change that are empty became so, and broken when the version before could not be followed
	// any more; zero if that is not so.
	emptied, broken time.Time
	// earlier, later and last are marks of what had been attempted before the change: at most two windows before it, at most one, and
	// immediately before it. Within a window after another change that was taken back, they are of the time before that one.
	earlier, later, last mark
	// ran is when a part of the clients followed a change last.
	ran time.Time
	// failing is the last reason for which calls were compared anew, with its message.
	failing verdict
	// ended is what ended the last rollout, of objects.
	ended   verdict
	objects []mesh.Ref
}

// renew forgets what another change, or another share of the clients, has made meaningless.
func (r *record) renew(of *mesh.Rollout, now time.Time) {
	if of.Candidate != r.candidate {
		*r = record{candidate: of.Candidate, seen: now, buckets: r.buckets, earlier: r.earlier, later: r.later, last: r.last, ran: r.ran, ended: r.ended, objects: r.objects}
	}
	if buckets := of.Policy.Buckets(); buckets != r.buckets {
		*r = record{candidate: r.candidate, seen: r.seen, buckets: buckets, settled: r.settled, ran: r.ran, ended: r.ended, objects: r.objects}
	}
}

// evidence returns what is known now of a rollout that is running. Reports about the calls before all clients had acknowledged it
// arrive for one interval.
func (r *record) evidence(policy mesh.RolloutPolicy, clients audience, sum mark, interval time.Duration) evidence {
	e := evidence{policy: policy, clients: clients.clients, pending: clients.pending, refusals: clients.refusals, fault: clients.fault, interval: interval}
	e.before, e.remaining, e.beforeFor = r.before(clients.scope, clients.connected)
	e.empty, e.emptyFor = clients.empty, lasting(clients.empty, &r.emptied, sum.at)
	e.broken, e.brokenFor = clients.broken, lasting(clients.broken, &r.broken, sum.at)
	if clients.clients > 0 && !r.met {
		r.met, r.acknowledged, r.begun = true, time.Time{}, time.Time{}
	}
	if !r.acknowledge(policy, clients.silent, sum.at) {
		return e
	}
	e.pending, e.late = 0, r.late // A client that connects later delays nothing.
	if r.begun.IsZero() && sum.at.Sub(r.acknowledged) >= interval {
		r.begin(sum, clients.connected)
	}
	if !r.begun.IsZero() {
		e.stayed, e.age = r.stays(clients, e.remaining), sum.at.Sub(r.last.at)
		e.elapsed, e.calls = sum.at.Sub(r.begun), clients.scope.calls(r.start, sum, nil)
	}
	return e
}

// lasting returns for how long there has been a text; since is when it came.
func lasting(text string, since *time.Time, now time.Time) time.Duration {
	if text == "" {
		*since = time.Time{}
		return 0
	}
	if since.IsZero() {
		*since = now
	}
	return now.Sub(*since)
}

// acknowledge reports whether the clients have acknowledged the change, except those that do not do so in time. When one of these has
// after all, or has left, calls are compared anew.
func (r *record) acknowledge(policy mesh.RolloutPolicy, silent []string, now time.Time) bool {
	if r.acknowledged.IsZero() {
		r.late = nil
		if len(silent) > 0 && lasting(silent[0], &r.waiting, now) < min(starting, policy.Window) {
			return false
		}
		slices.Sort(silent)
		r.acknowledged, r.late, r.waiting = now, slices.Compact(silent), time.Time{}
		return true
	}
	pending := map[string]struct{}{}
	for _, client := range silent {
		pending[client] = struct{}{}
	}
	still := slices.DeleteFunc(slices.Clone(r.late), func(client string) bool { _, is := pending[client]; return !is })
	if len(still) < len(r.late) {
		r.acknowledged, r.begun, r.late = now, time.Time{}, still
	}
	return true
}

// begin begins to compare calls.
func (r *record) begin(sum mark, connected map[load.Caller]struct{}) {
	r.begun, r.start, r.stayed = sum.at, sum, maps.Clone(connected)
}

// stays returns the attempts before the change of the clients that have been connected since calls are compared. remaining are those of all that
// are connected now: one that was away meanwhile calls less than before without any fault.
func (r *record) stays(clients audience, remaining calls) calls {
	maps.DeleteFunc(r.stayed, func(c load.Caller, _ struct{}) bool { _, is := clients.connected[c]; return !is })
	if len(r.stayed) == len(clients.connected) {
		return remaining
	}
	return clients.scope.calls(r.earlier, r.last, r.stayed)
}
