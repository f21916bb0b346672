package rollout

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// mark is what both parts of the clients had attempted at one moment.
type mark struct {
	at          time.Time
	first, rest map[load.Way]load.Attempts
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

// calls are those that a change concerns, all together, by object that changed, and by unit. shared are those without an object, which the
// others do not include.
type calls struct {
	pair

	shared pair
	of     map[string]pair
	units  map[unit]pair
}

func newCalls() calls { return calls{of: map[string]pair{}, units: map[unit]pair{}} }

func (c *calls) add(by unit, p pair) {
	c.units[by] = c.units[by].plus(p)
	if by.object == "" {
		c.shared = c.shared.plus(p)
		return
	}
	c.pair, c.of[by.object] = c.plus(p), c.of[by.object].plus(p)
}

// scope has the objects that a change concerns.
type scope map[string]struct{}

func scopeOf(r *mesh.Rollout) scope {
	s := scope{}
	for _, of := range r.Objects {
		s[of.String()] = struct{}{}
	}
	return s
}

func (s scope) find(objects []string) string {
	for _, of := range objects {
		if _, changed := s[of]; changed {
			return of
		}
	}
	return ""
}

// objectOf returns the object that changed by which calls on a Way are made; empty if there is none. shared is set if that is not known.
func (s scope) objectOf(way load.Way) (object string, shared bool) {
	cluster, routes := way.Objects()
	if object = s.find(cluster); object != "" {
		return object, false
	}
	for _, route := range routes {
		if of := s.find(route); of != "" {
			object = of
		} else {
			shared = true
		}
	}
	return object, object != "" && shared || len(routes) == 0
}

// calls adds up what was attempted between two marks.
func (s scope) calls(from, to mark) calls {
	c := newCalls()
	type found struct {
		object string
		counts bool
	}
	known := map[load.Way]found{} // Many workloads call by the same rules.
	for way := range to.first {
		by := way
		by.From = load.Source{}
		f, ok := known[by]
		if !ok {
			object, shared := s.objectOf(way)
			if f = (found{object, shared || object != ""}); shared {
				f.object = ""
			}
			known[by] = f
		}
		if f.counts {
			c.add(unit{f.object, way.From}, pair{since(from.first[way], to.first[way]), since(from.rest[way], to.rest[way])})
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

// fewer reports whether calls were counted anew since an earlier mark. A Way that is not there any more was not called for long.
func (m mark) fewer(earlier mark) bool {
	for way := range earlier.first {
		if _, ok := m.first[way]; ok && (m.first[way].Calls < earlier.first[way].Calls || m.rest[way].Calls < earlier.rest[way].Calls) {
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

// before returns the attempts before the change, of the calls that it concerns, and for how long these were counted.
func (r *record) before(in scope) (calls, time.Duration) {
	return in.calls(r.earlier, r.last), r.last.at.Sub(r.earlier.at)
}

// attempted returns what the clients attempted to call.
func (d *Decider) attempted(services map[load.Service]struct{}, r *mesh.Rollout) mark {
	m := mark{first: map[load.Way]load.Attempts{}, rest: map[load.Way]load.Attempts{}}
	for s := range services {
		maps.Copy(m.first, d.o.Loads.Attempts(s, mesh.Share{Part: mesh.First, Buckets: r.Policy.Buckets()}))
		maps.Copy(m.rest, d.o.Loads.Attempts(s, mesh.Share{Part: mesh.Rest, Buckets: r.Policy.Buckets()}))
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
