package rollout

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// mark is what clients had attempted at one moment. Those of the share first follow the change.
type mark struct {
	at    time.Time
	first mesh.Share
	all   map[load.Lane]load.Attempts
}

// pair is what both parts of the clients attempted in one time.
type pair struct{ first, rest load.Attempts }

func (p pair) plus(o pair) pair { return pair{p.first.Plus(o.first), p.rest.Plus(o.rest)} }

// unit is what calls are compared by: the object that changed by which they are made, and the workload that makes them. Without an object it is
// not known whether they follow one that changed: those of several hosts that the client dials lead to the same Service, and the change concerns
// a part of them.
type unit struct {
	object string
	from   load.Source
}

func (u unit) compare(o unit) int {
	if c := cmp.Or(cmp.Compare(u.object, o.object), cmp.Compare(u.from.Namespace, o.from.Namespace), cmp.Compare(u.from.Workload, o.from.Workload)); c != 0 || u.from.Unproved == o.from.Unproved {
		return c
	}
	if o.from.Unproved {
		return -1
	}
	return 1
}

func (u unit) String() string {
	workload := "workload " + strings.TrimPrefix(u.from.Namespace+"/"+u.from.Workload, "/") // load.Other has no namespace.
	if u.object == "" {
		return workload + ", by rules that are not known"
	}
	return u.object + ", " + workload
}

// calls are those that a change concerns, all together, and by unit. shared are those without an object, which the others do not include.
type calls struct {
	pair

	shared pair
	// causes say why calls are shared: of how many there is no counter or no route, and the clients of the others dial several hosts.
	causes [sharedCauses]uint64
	units  map[unit]pair
}

// The causes.
const (
	noCounter = iota
	noRoute
	severalHosts
	sharedCauses
)

// causeOf returns why it is not known by which object calls on a Way are made.
func causeOf(way load.Way) int {
	switch _, routes := way.Objects(); {
	case way.Exceeds():
		return noCounter
	case len(routes) == 0:
		return noRoute
	}
	return severalHosts
}

func newCalls() calls { return calls{units: map[unit]pair{}} }

func (c *calls) add(by unit, p pair) {
	c.units[by] = c.units[by].plus(p)
	if by.object == "" {
		c.shared = c.shared.plus(p)
		return
	}
	c.pair = c.plus(p)
}

// scope has the objects that a change concerns, and which of them counts first if calls are made by several.
type scope map[string]int

// The order of objects. Calls before the change are not made by those that are new, which may take the place of others.
const (
	isGone = iota
	isChanged
	isNew
)

func scopeOf(r *mesh.Rollout) scope {
	s := scope{}
	for _, of := range r.Objects {
		switch {
		case slices.Contains(r.Gone, of):
			s[of.String()] = isGone
		case slices.Contains(r.New, of):
			s[of.String()] = isNew
		default:
			s[of.String()] = isChanged
		}
	}
	return s
}

// find returns the object that counts first; empty if the change concerns none.
func (s scope) find(objects []string) (first string) {
	for _, of := range objects {
		if at, changed := s[of]; changed && (first == "" || at < s[first]) {
			first = of
		}
	}
	return first
}

// objectOf returns the object that changed by which calls on a Way are made; empty if there is none. shared is set if that is not known.
func (s scope) objectOf(way load.Way) (object string, shared bool) {
	cluster, routes := way.Objects()
	of := s.find(cluster)
	if of != "" && s[of] != isNew {
		return of, false
	}
	for _, route := range routes {
		if by := s.find(route); by != "" {
			object = by
		} else {
			shared = true
		}
	}
	if of != "" {
		return cmp.Or(object, of), false
	}
	return object, object != "" && shared || len(routes) == 0
}

// calls adds up what was attempted between two marks, by the callers; nil means by all.
func (s scope) calls(from, to mark, callers map[load.Caller]struct{}) calls {
	c := newCalls()
	type found struct {
		object string
		counts bool
	}
	known := map[load.Way]found{} // Many workloads call by the same rules.
	for lane, n := range to.all {
		if _, ok := callers[lane.Caller()]; !ok && callers != nil {
			continue
		}
		by := lane.Way
		by.From = load.Source{}
		f, ok := known[by]
		if !ok {
			object, shared := s.objectOf(lane.Way)
			if f = (found{object, shared || object != ""}); shared {
				f.object = ""
			}
			known[by] = f
		}
		if f.counts {
			p := pair{rest: since(from.all[lane], n)}
			if to.first.Has(lane.Bucket) {
				p = pair{first: p.rest}
			}
			c.add(unit{f.object, lane.From}, p)
			if f.object == "" {
				c.causes[causeOf(lane.Way)] += p.first.Calls + p.rest.Calls
			}
		}
	}
	return c
}

// since returns the attempts since the first time. If they are fewer, they were counted anew.
func since(from, to load.Attempts) load.Attempts {
	if to.Calls < from.Calls || to.Errors < from.Errors {
		return to
	}
	return to.Minus(from)
}

// fewer reports whether calls were counted anew since an earlier mark. A Lane that is not there any more was not used for long.
func (m mark) fewer(earlier mark) bool {
	for lane, n := range earlier.all {
		if now, ok := m.all[lane]; ok && now.Calls < n.Calls {
			return true
		}
	}
	return false
}

// remember keeps marks of what was attempted while nothing was rolled out. What was attempted during a rollout, and is reported until late after
// it, is never between the first mark and the last: until a window without a rollout is known, that is the time before it.
func (r *record) remember(sum mark, window, late time.Duration) {
	switch settling, stale := sum.at.Sub(r.ran) < late, r.last.at.Before(r.ran); {
	case r.last.at.IsZero() || sum.fewer(r.last): // It is counted anew.
		r.earlier, r.later, r.last = sum, sum, sum
	case settling && stale:
		r.later = sum
	case settling:
		r.earlier, r.later, r.last = sum, sum, sum
	case stale && sum.at.Sub(r.later.at) < window:
	case sum.at.Sub(r.later.at) >= window:
		r.earlier, r.later, r.last = r.later, sum, sum
	default:
		r.last = sum
	}
}

// forget drops what is known before a change that all clients follow from now on.
func (r *record) forget() { r.earlier, r.later, r.last = mark{}, mark{}, mark{} }

// before returns the attempts before the change, of the calls that it concerns, those of clients that are still connected, and for how long these
// were counted.
func (r *record) before(in scope, connected map[load.Caller]struct{}) (all, remaining calls, counted time.Duration) {
	return in.calls(r.earlier, r.last, nil), in.calls(r.earlier, r.last, connected), r.last.at.Sub(r.earlier.at)
}

// attempted returns what the clients attempted to call.
func (d *Decider) attempted(services map[load.Service]struct{}, r *mesh.Rollout) mark {
	m := mark{first: mesh.Share{Part: mesh.First, Buckets: r.Policy.Buckets()}, all: map[load.Lane]load.Attempts{}}
	for s := range services {
		maps.Copy(m.all, d.o.Loads.Attempts(s))
	}
	return m
}

// servicesOf returns what the rules of a rollout send calls to.
func servicesOf(current *snapshot.Snapshot, r *mesh.Rollout) map[load.Service]struct{} {
	all := map[load.Service]struct{}{}
	for _, host := range r.Hosts {
		if to, ok := current.DestinationOf(resource.ClusterName(1, "", host)); ok {
			all[load.Service{Namespace: to.Namespace, Name: to.Service}] = struct{}{}
		}
	}
	return all
}
