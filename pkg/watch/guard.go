package watch

import (
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// guardedFrom is how many usable endpoints a Service must have had for their loss to be doubted. That of a single one is
// everyday: it is replaced, or has failed.
const guardedFrom = 2

// guard keeps the endpoints of Services that lose all of them in one step, for a while: that is seldom meant, and never
// urgent, for clients leave out by themselves who does not answer. Endpoints that stop one by one, as in any orderly end, are
// not kept.
type guard struct {
	// grace is how long they are kept; zero is off.
	grace time.Duration
	// until says of whose endpoints are kept when that ends.
	until map[objectID]time.Time
}

func newGuard(grace time.Duration) guard {
	return guard{grace: grace, until: map[objectID]time.Time{}}
}

// keeps says whether a Service goes on with the endpoints that it had before. A Service that is gone, which is nil, has none to
// go on with, and clients resolve one of type ExternalName themselves.
func (g guard) keeps(id objectID, service *mesh.Service, before, now *mesh.EndpointSet, at time.Time) bool {
	keep := false
	if g.grace > 0 && service != nil && service.ExternalName == "" && !served(now) {
		end, keeping := g.until[id]
		switch {
		case keeping:
			keep = at.Before(end)
		case ready(before) >= guardedFrom:
			keep = true
			g.until[id] = at.Add(g.grace)
		}
	}
	if !keep {
		delete(g.until, id)
	}
	return keep
}

// over returns the Services whose endpoints are kept no longer.
func (g guard) over(at time.Time) []objectID {
	var over []objectID
	for id, end := range g.until {
		if !at.Before(end) {
			over = append(over, id)
		}
	}
	return over
}

// next says in how long the first of them is over. It fails when none is kept.
func (g guard) next(at time.Time) (time.Duration, bool) {
	var first time.Time
	for _, end := range g.until {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first.Sub(at), !first.IsZero()
}

// ready counts the endpoints that take calls. set may be nil.
func ready(set *mesh.EndpointSet) int {
	return countEndpoints(set, func(h mesh.Health) bool { return h == mesh.Ready })
}

// served says whether anybody would answer a call: who is Draining does when nobody is Ready.
func served(set *mesh.EndpointSet) bool {
	return countEndpoints(set, func(h mesh.Health) bool { return h != mesh.NotReady }) > 0
}

func countEndpoints(set *mesh.EndpointSet, which func(mesh.Health) bool) int {
	n := 0
	if set != nil {
		for i := range set.Endpoints {
			if which(set.Endpoints[i].Health) {
				n++
			}
		}
	}
	return n
}

func (g guard) problem(kept *mesh.EndpointSet, key objectKey) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeEndpointsVanished, Severity: mesh.Warning, Object: key.ref(),
		Message: fmt.Sprintf("its %d endpoints went away at once, so clients keep them for %s; bring them back, or delete the Service if it is to go",
			ready(kept), g.grace),
	}
}
