package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

// silent is the part of the attempts to expect below which the clients that follow a change have stopped calling. Calls that fail before a
// client has chosen an endpoint are not reported. ongoing is the part above which others go on.
const silent, ongoing = 0.1, 0.5

// stopped says which clients made hardly any attempt although they made many before and are still connected, while others go on; empty if
// there are none. As for failures, any workload is enough, and those with few calls are judged together.
func (e *evidence) stopped() string {
	if e.beforeFor <= 0 {
		return ""
	}
	few := map[unit]flow{}
	for _, u := range slices.SortedFunc(maps.Keys(e.remaining.units), unit.compare) {
		switch f := e.flow(u); {
		case u.object == "": // It is not known whether these calls follow the change.
		case f.expected >= enough && f.stopped():
			return u.String() + ": " + f.figures(e.beforeFor.Seconds())
		case f.expected < enough && f.others:
			for _, by := range slices.Compact([]string{u.object, ""}) {
				key := unit{by, load.Source{Unproved: u.from.Unproved}}
				few[key] = few[key].plus(f)
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(few), unit.compare) {
		if f := few[key]; f.expected >= enough && f.stopped() {
			return cmp.Or(key.object, "all objects") + ", workloads with few calls: " + f.figures(e.beforeFor.Seconds())
		}
	}
	return ""
}

// flow is how many attempts of the first part are to be expected by what the clients made before that are still connected, and how many were made.
type flow struct {
	pair

	expected, made, before float64
	// others is set if others went on.
	others bool
}

func (f flow) plus(o flow) flow {
	return flow{f.pair.plus(o.pair), f.expected + o.expected, f.made + o.made, f.before + o.before, f.others || o.others}
}

func (f flow) stopped() bool { return f.others && f.made < silent*f.expected }

func (f flow) figures(seconds float64) string {
	return fmt.Sprintf("%s. They made %.1f attempts a second before", f.pair.figures(), f.before/seconds)
}

// times is how much longer calls were counted since the change than before it.
func (e *evidence) times() float64 { return e.elapsed.Seconds() / e.beforeFor.Seconds() }

// flow returns the flow of a unit. Calls of the workload that may follow the change are made, too: its clients have not stopped.
func (e *evidence) flow(u unit) flow {
	f := flow{pair: e.units[u], before: float64(e.remaining.units[u].first.Calls)}
	f.expected = f.before * e.times()
	f.made = float64(f.first.Calls + e.units[unit{"", u.from}].first.Calls)
	usual, rest := float64(e.before.units[u].rest.Calls)*e.times(), float64(f.rest.Calls)
	if rest-usual >= ongoing*(f.expected-f.made) && f.expected > 0 {
		return f // Other clients of the workload call in place of them.
	}
	f.others = rest >= ongoing*usual
	if usual < enough {
		f.others = e.goOn(u)
	}
	return f
}

// goOn reports whether at least half of the other workloads whose clients do not follow the change go on to call: by the same object, if there
// are any, or by all. Those that are not proved do not count for one that is.
func (e *evidence) goOn(u unit) bool {
	for _, object := range slices.Compact([]string{u.object, ""}) {
		all, on := 0, 0
		for by, p := range e.before.units {
			usual := float64(p.rest.Calls) * e.times()
			if usual < enough || by.from == u.from || by.from.Unproved && !u.from.Unproved || object != "" && by.object != object {
				continue
			}
			if all++; float64(e.units[by].rest.Calls) >= ongoing*usual {
				on++
			}
		}
		if all > 0 {
			return 2*on >= all
		}
	}
	return false
}
