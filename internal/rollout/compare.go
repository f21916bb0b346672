package rollout

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

const (
	// enough is how many attempts a part of the clients must have made before it is compared.
	enough = 100
	// known is the part of the attempts to expect that clients must have made before the change, so that it is known how many failed then.
	known = 0.25
	// tolerated is by how much the share of failed attempts may be higher for the clients that follow a change.
	tolerated = 0.01
	// certain and doubtful are how unlikely a difference by chance must be: about 4 and 2 standard errors. They are logarithms, as weight has them.
	certain, doubtful = 4 * 4 / 2, 2 * 2 / 2
)

// sample is attempts of which a share failed. Counts of different times may be brought to one level, so they are no integers.
type sample struct{ calls, errors float64 }

func sampleOf(a load.Attempts) sample { return sample{float64(a.Calls), float64(a.Errors)} }

// sum is by how much calls fail more often than others that they are compared with: of several kinds, each with its own.
type sum struct {
	// failures are how many more fail than by chance, variance is how much that varies, and size is how many attempts that is of.
	failures, variance, size float64
}

// add adds calls of one kind. Many calls that fail as often as those that they are compared with add no failures.
func (d *sum) add(calls, with sample) {
	all := calls.calls + with.calls
	if calls.calls == 0 || with.calls == 0 {
		return
	}
	failing := (calls.errors + with.errors) / all
	size := calls.calls * with.calls / all
	d.size += size
	d.failures += calls.errors - calls.calls*failing
	d.variance += size * failing * (1 - failing)
}

// points is the difference of the shares of failed attempts.
func (d sum) points() float64 { return d.failures / d.size }

// weight is the negative logarithm of a bound of the probability that chance alone makes the difference so large: Bennett's inequality. For many
// failures it is half the square of the number of standard errors. For few it is sound, too.
func (d sum) weight() float64 {
	if d.failures <= 0 || d.variance <= 0 {
		return 0
	}
	u := d.failures / d.variance
	return d.variance * ((1+u)*math.Log(1+u) - u)
}

// difference is by how much calls of the first part of the clients fail more often. The pair is what was compared.
type difference struct {
	pair

	points, weight float64
}

// compare compares calls of units, with those that others returns. Those of a workload that has a rest must also fail more often than the calls of
// the same clients before the change: a workload, or one of its pods, may fail more often than others do, without any change. Units that are
// compared with the same calls are compared together.
func (e *evidence) compare(units ...unit) difference {
	strata := map[unit]pair{}
	var order []unit // Sums of fractions depend on it.
	var rest, usual sum
	for _, u := range units {
		with, now := e.others(u)
		if _, ok := strata[with]; !ok {
			order = append(order, with)
		}
		strata[with] = pair{strata[with].first.Plus(e.units[u].first), now}
		usual.add(sampleOf(e.units[u].first), e.usual(u, now))
	}
	d := difference{}
	for _, with := range order {
		d.pair = d.plus(strata[with])
		rest.add(sampleOf(strata[with].first), sampleOf(strata[with].rest))
	}
	d.points, d.weight = min(rest.points(), usual.points()), min(rest.weight(), usual.weight())
	return d
}

// usual returns what calls of the first part are compared with besides the rest: those of the same clients before the change. It is the rest if
// nothing is known of these, or if they failed no more often than others of the same workload.
func (e *evidence) usual(u unit, rest load.Attempts) sample {
	before := e.before.units[u]
	excess := share(before.first) - share(before.rest)
	if e.units[u].rest.Calls < enough || !e.knows(u) || excess <= 0 {
		return sampleOf(rest)
	}
	// What failed in both parts before may have been mended since, or not: that is known of the rest.
	return sample{float64(before.first.Calls), float64(before.first.Calls) * min(1, share(rest)+excess)}
}

// knows reports whether it is known how many calls of a unit failed before the change.
func (e *evidence) knows(u unit) bool {
	before, now := float64(e.before.units[u].first.Calls), float64(e.units[u].first.Calls)
	return before > 0 && before*e.elapsed.Seconds() >= known*now*e.beforeFor.Seconds()
}

// alone reports whether a unit is compared with what the same clients did before the change, and with nothing else.
func (e *evidence) alone(u unit) bool { return e.units[u].rest.Calls < enough && e.knows(u) }

// others returns with which calls a unit is compared: those of the rest of the same workload, if these are enough; or else those of the same clients
// before the change, if these are known; or else those of other workloads by the same object, or by all.
func (e *evidence) others(u unit) (with unit, attempts load.Attempts) {
	if own := e.units[u].rest; own.Calls >= enough {
		return u, own
	}
	same, all := e.peersOf(u)
	if before := e.before.units[u].first; e.knows(u) {
		before.Errors = uint64(math.Round(float64(before.Calls) * min(1, share(before)+e.peers[same].more)))
		return u, before
	}
	if of := e.peers[same].attempts(); of.Calls >= enough {
		return same, of
	}
	return all, e.peers[all].attempts()
}

// peersOf returns the keys of the workloads in the rest with which a unit is compared: by the same object, and by all. A workload that is proved is
// compared with proved ones.
func (e *evidence) peersOf(u unit) (same, all unit) {
	if e.peers == nil {
		e.peers = map[unit]peers{}
		for _, by := range slices.SortedFunc(maps.Keys(e.units), unit.compare) {
			for _, key := range by.peerOf() {
				e.peers[key] = e.peers[key].plus(e.units[by].rest, e.before.units[by].rest)
			}
		}
	}
	from := load.Source{Unproved: u.from.Unproved}
	return unit{u.object, from}, unit{"", from}
}

// peerOf returns the keys of peers that a unit is one of.
func (u unit) peerOf() []unit {
	all, proved := load.Source{Unproved: true}, load.Source{}
	keys := []unit{{u.object, all}, {"", all}, {u.object, proved}, {"", proved}}
	if u.from.Unproved {
		keys = keys[:2]
	}
	return slices.Compact(keys) // The object may be empty.
}

// peers are workloads in the rest. Each counts alike if it made enough attempts, so that none of them hides the others.
type peers struct {
	// weight is the sum of the weights, failing that of the shares of failed attempts, and variance says how exactly these are known.
	weight, failing, variance float64
	// more is by how much calls of each workload fail more often than before, if all of them do.
	more  float64
	known bool
}

func (p peers) plus(now, before load.Attempts) peers {
	if now.Calls == 0 {
		return p
	}
	weight := float64(min(now.Calls, enough))
	p.weight += weight
	p.failing += weight * share(now)
	p.variance += weight * weight / float64(now.Calls)
	if more := max(0, share(now)-share(before)); min(now.Calls, before.Calls) >= enough && (!p.known || more < p.more) {
		p.more, p.known = more, true
	}
	return p
}

// attempts returns the mean, as so many attempts as it is exact.
func (p peers) attempts() load.Attempts {
	if p.weight == 0 {
		return load.Attempts{}
	}
	calls := p.weight * p.weight / p.variance
	return load.Attempts{Calls: uint64(math.Round(calls)), Errors: uint64(math.Round(calls * p.failing / p.weight))}
}

// comparison is units that are compared at once, and what they are called.
type comparison struct {
	name string
	// alone is set if the calls are compared with those before the change alone. These may be few.
	alone bool
	units []unit
}

// comparisons returns what is compared: each unit alone, and then together those that may each have too few calls. No calls of the rest are in
// one comparison twice, and what is known of some workloads before the change does not count for others.
func (e *evidence) comparisons() (each, together []comparison) {
	groups := map[string]int{}
	for _, u := range e.compared() {
		each = append(each, comparison{u.String(), e.alone(u), []unit{u}})
		names := []string{"all workloads, with calls by rules that are not known", "all workloads", u.object + ", all workloads"}
		switch with, _ := e.others(u); {
		case e.alone(u):
			names = []string{u.object + ", workloads with few calls"}
		case with != u:
			names = []string{with.object + ", workloads with few calls, of which nothing is known before the change"}
		case u.object == "":
			names = names[:1]
		}
		for _, name := range names {
			if u.from.Unproved { // They are not compared with the same calls.
				name += ", not proved"
			}
			i, ok := groups[name]
			if !ok {
				i = len(together)
				groups[name], together = i, append(together, comparison{name: strings.TrimPrefix(name, ", "), alone: e.alone(u)})
			}
			together[i].units = append(together[i].units, u)
		}
	}
	return each, together
}

// compared returns the units with calls of the first part.
func (e *evidence) compared() []unit {
	units := slices.SortedFunc(maps.Keys(e.units), unit.compare)
	return slices.DeleteFunc(units, func(u unit) bool { return e.units[u].first.Calls == 0 })
}

// unknown returns calls that fail, and of which it is not known whether they do so without the change, and their figures; empty if there are none.
func (e *evidence) unknown() string {
	for _, u := range e.compared() {
		p := e.units[u]
		if _, with := e.others(u); with.Calls == 0 && share(p.first) > tolerated {
			return u.String() + ": " + p.figures()
		}
	}
	return ""
}

// worse returns which calls fail more often with the change than without, and their figures; empty if there are none. By chance it must be at least
// so unlikely, and the more workloads are compared, the more. Both parts must have made a number of attempts.
func (e *evidence) worse(unlikely float64, attempts uint64) string {
	each, together := e.comparisons()
	unlikely += math.Log(float64(max(1, len(each))))
	for _, several := range [][]comparison{each, together} {
		worst, figures := 0.0, ""
		for _, c := range several {
			d := e.compare(c.units...)
			if d.weight >= unlikely && d.weight > worst && d.points > tolerated && d.first.Calls >= attempts && (c.alone || d.rest.Calls >= attempts) {
				worst, figures = d.weight, c.name+": "+d.figures()
			}
		}
		if figures != "" {
			return figures
		}
	}
	return ""
}
