package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

const (
	// silent is the part of the attempts to expect below which the clients that follow a change have stopped calling. Calls that fail before
	// a client has chosen an endpoint are not reported. ongoing is the part above which others go on.
	silent, ongoing = 0.1, 0.5
	// reports is for how many intervals of reports calls must be counted: a client reports once in each, at any time.
	reports = 2
	// aged is how many windows after the calls before were counted they do not say any more how many are to be expected.
	aged = 5
)

// stopped says which clients made hardly any attempt although they made many before and have been connected since, while others go on; empty if
// there are none, or if that is not certain. As for failures, any workload is enough, and those with few calls are judged together.
func (e *evidence) stopped() string {
	if e.brief() || e.old() && e.policy.Abort {
		return ""
	}
	return e.silent(e.stayed, false)
}

// doubt says which clients may have stopped calling, and why that is not certain; empty if there are none.
func (e *evidence) doubt() string {
	clients, why := e.silent(e.remaining, true), "there are no others that called before, with which to compare them"
	switch {
	case clients == "":
		return ""
	case e.brief():
		why = fmt.Sprintf("calls were not counted for %d intervals of reports", reports)
	case e.old():
		why = "their calls of before were counted too long ago"
	case e.silent(e.remaining, false) != "":
		why = "they were not connected all the time"
	}
	return why + ": " + clients
}

// brief reports whether calls were counted for so short that the reports of a client may be missing by chance.
func (e *evidence) brief() bool { return min(e.beforeFor, e.elapsed) < reports*e.interval }

// old reports whether the calls before were counted too long ago.
func (e *evidence) old() bool {
	return e.age > starting+aged*max(e.policy.Window, reports*e.interval)
}

// silent says which clients stopped calling by the calls that some of them made before. If it is not known whether others go on, it takes that
// they do if so told.
func (e *evidence) silent(of calls, unknown bool) string {
	if e.beforeFor <= 0 {
		return ""
	}
	few, counted := map[unit]flow{}, map[load.Source]bool{}
	by := e.countOngoing()
	for _, u := range slices.SortedFunc(maps.Keys(of.units), unit.compare) {
		if u.object == "" {
			continue // It is not known whether these calls follow the change.
		}
		switch f := e.flow(u, of, by, unknown); {
		case f.expected >= enough && f.stopped():
			return u.String() + ": " + f.figures(e.counted())
		case f.expected < enough && f.others:
			few[unit{u.object, proof(u)}] = few[unit{u.object, proof(u)}].plus(f)
			if counted[u.from] {
				f.made -= f.shared // It was added with another object.
			}
			few[unit{"", proof(u)}], counted[u.from] = few[unit{"", proof(u)}].plus(f), true
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(few), unit.compare) {
		if f := few[key]; f.expected >= enough && f.stopped() {
			return cmp.Or(key.object, "all objects") + ", workloads with few calls: " + f.figures(e.counted())
		}
	}
	return ""
}

// proof is what workloads have in common that are proved, or are not.
func proof(u unit) load.Source { return load.Source{Unproved: u.from.Unproved} }

// flow is how many attempts of the first part are to be expected by what some of its clients made before, and how many were made. shared are those
// of them that may follow the change.
type flow struct {
	pair

	expected, made, shared, before float64
	// others is set if others went on.
	others bool
}

func (f flow) plus(o flow) flow {
	return flow{f.pair.plus(o.pair), f.expected + o.expected, f.made + o.made, f.shared + o.shared, f.before + o.before, f.others || o.others}
}

func (f flow) stopped() bool { return f.others && f.made < silent*f.expected }

func (f flow) figures(seconds float64) string {
	return fmt.Sprintf("%s. They made %.1f attempts a second before", f.pair.figures(), f.before/seconds)
}

// times is how much longer calls were counted since the change than before it.
func (e *evidence) times() float64 { return e.elapsed.Seconds() / e.counted() }

// counted is for how many seconds calls were counted before the change: a report is about an interval.
func (e *evidence) counted() float64 { return max(e.beforeFor, e.interval).Seconds() }

// flow returns the flow of a unit. More calls of the workload that may follow the change than before are made, too: its clients have not stopped.
func (e *evidence) flow(u unit, of calls, by ongoings, unknown bool) flow {
	f := flow{pair: e.units[u], before: float64(of.units[u].first.Calls)}
	f.expected = f.before * e.times()
	may := unit{"", u.from}
	f.shared = max(0, float64(e.units[may].first.Calls)-float64(e.before.units[may].first.Calls)*e.times())
	f.made = float64(f.first.Calls) + f.shared
	usual, rest := float64(e.before.units[u].rest.Calls)*e.times(), float64(f.rest.Calls)
	if usual < ongoing*f.expected && rest-usual >= ongoing*(f.expected-f.made) {
		return f // Other clients of the workload, which hardly called before, call in place of them.
	}
	f.others = rest >= ongoing*usual
	if usual < enough {
		on, known := by.goOn(u)
		f.others = on || unknown && !known
	}
	return f
}

// ongoings counts the workloads whose clients do not follow the change, and called before: by the keys of peers, and each by itself.
type ongoings struct {
	peers map[unit]count
	own   map[unit]count
	all   map[load.Source]count
}

// count is how many there are, and how many of them go on to call.
type count struct{ all, on int }

func (c count) plus(o count) count  { return count{c.all + o.all, c.on + o.on} }
func (c count) minus(o count) count { return count{c.all - o.all, c.on - o.on} }

func (e *evidence) countOngoing() ongoings {
	o := ongoings{map[unit]count{}, map[unit]count{}, map[load.Source]count{}}
	for by, p := range e.before.units {
		usual := float64(p.rest.Calls) * e.times()
		if usual < enough {
			continue
		}
		one := count{all: 1}
		if float64(e.units[by].rest.Calls) >= ongoing*usual {
			one.on = 1
		}
		for _, key := range by.peerOf() {
			o.peers[key] = o.peers[key].plus(one)
		}
		o.own[by], o.all[by.from] = one, o.all[by.from].plus(one)
	}
	return o
}

// goOn reports, for a unit with an object, whether at least half of the other workloads whose clients do not follow the change go on to call: by the same object, if there
// are any, or by all. Those that are not proved do not count for one that is. known is set if there are any.
func (o ongoings) goOn(u unit) (on, known bool) {
	same := o.peers[unit{u.object, proof(u)}].minus(o.own[u])
	if same.all == 0 {
		same = o.peers[unit{"", proof(u)}].minus(o.all[u.from])
	}
	return same.all > 0 && 2*same.on >= same.all, same.all > 0
}
