package rollout

import (
	"math"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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

// compare compares calls of units, with the calls that others returns and with those of the same clients before the change. They must fail more
// often than both: a workload, or one of its pods, may fail more often than others do, without any change. Units that are compared with the
// same calls of the rest are compared together.
func (e *evidence) compare(units ...unit) difference {
	strata := map[unit]pair{}
	var order []unit // Sums of fractions depend on it.
	var rest, usual sum
	for _, u := range units {
		with, now, _ := e.others(u)
		if _, ok := strata[with]; !ok {
			order = append(order, with)
		}
		strata[with] = pair{strata[with].first.Plus(e.units[u].first), now}
		usual.add(sampleOf(e.units[u].first), e.usual(u))
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
func (e *evidence) usual(u unit) sample {
	with, now, then := e.others(u)
	before := e.before.units[u].first
	switch excess := share(before) - share(then); {
	case !e.knows(u), with == u && excess <= 0:
		return sampleOf(now)
	case with == u: // What failed in both parts before may have been mended since, or not: that is known of the rest.
		return sample{float64(before.Calls), float64(before.Calls) * min(1, share(now)+excess)}
	}
	return sampleOf(before)
}

// knows reports whether it is known how many calls of a unit failed before the change.
func (e *evidence) knows(u unit) bool {
	before, now := float64(e.before.units[u].first.Calls), float64(e.units[u].first.Calls)
	return before > 0 && before*e.elapsed.Seconds() >= known*now*e.beforeFor.Seconds()
}

// others returns with which calls of the rest a unit is compared, now and before the change: those of the same workload, if these are enough; or
// else those of all by the same object, or by all.
func (e *evidence) others(u unit) (with unit, now, before load.Attempts) {
	if own := e.units[u].rest; own.Calls >= enough {
		return u, own, e.before.units[u].rest
	}
	if same := e.of[u.object].rest; same.Calls >= enough {
		return unit{object: u.object}, same, e.before.of[u.object].rest
	}
	return unit{}, e.plus(e.shared).rest, e.before.plus(e.before.shared).rest
}

// comparison is units that are compared at once, and what they are called.
type comparison struct {
	name  string
	units []unit
}

// comparisons returns what is compared: each unit alone, and then together those that may each have too few calls. No calls of the rest are in
// one comparison twice, and what is known of some workloads before the change does not count for others.
func (e *evidence) comparisons() (each, together []comparison) {
	var units []unit
	for u, p := range e.units {
		if p.first.Calls > 0 {
			units = append(units, u)
		}
	}
	mesh.SortFunc(units, unit.compare)
	groups := map[string]int{}
	for _, u := range units {
		each = append(each, comparison{u.String(), []unit{u}})
		names := []string{"all workloads, with calls by rules that are not known", "all workloads", u.object + ", all workloads"}
		switch with, _, _ := e.others(u); {
		case with == u && u.object == "":
			names = names[:1]
		case with == u:
		case e.knows(u):
			names = []string{with.object + ", workloads with few calls"}
		default:
			names = []string{with.object + ", workloads with few calls, of which nothing is known before the change"}
		}
		for _, name := range names {
			i, ok := groups[name]
			if !ok {
				i = len(together)
				groups[name], together = i, append(together, comparison{name: strings.TrimPrefix(name, ", ")})
			}
			together[i].units = append(together[i].units, u)
		}
	}
	return each, together
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
			if d.weight >= unlikely && d.weight > worst && d.points > tolerated && min(d.first.Calls, d.rest.Calls) >= attempts {
				worst, figures = d.weight, c.name+": "+d.figures()
			}
		}
		if figures != "" {
			return figures
		}
	}
	return ""
}
