package assemble

import (
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// minGuarded is how many usable endpoints a Service must have had for their loss to be doubted. That of a single one is
// everyday: it is replaced, or has failed.
const minGuarded = 2

// burst is how far apart changes may be that were meant as one: the objects of a Service go one after the other even when
// one command deletes them.
const burst = time.Second

// lossGuard keeps the endpoints of Services that lose all of them at once, for a while: that is seldom meant, and never urgent, for
// clients leave out by themselves who does not answer. Endpoints that stop one by one, as in any orderly end, are not kept.
type lossGuard struct {
	// grace is how long they are kept; zero is off.
	grace time.Duration
	// until says of whose endpoints are kept when that ends.
	until map[string]time.Time
	// shrunk holds what Services had when they lost some endpoints a moment ago that took calls until then.
	shrunk map[string]shrunk
}

// shrunk is the EndpointSet before the first of a row of losses.
type shrunk struct {
	from *mesh.EndpointSet
	at   time.Time
}

func newLossGuard(grace time.Duration) lossGuard {
	return lossGuard{grace: grace, until: map[string]time.Time{}, shrunk: map[string]shrunk{}}
}

// keeps returns the endpoints with which a Service goes on although now says that it has none, or nil. before is what it went on
// with so far. A Service that is gone, which is nil, has none to go on with, and clients resolve one of type ExternalName
// themselves.
func (g lossGuard) keeps(host string, service *mesh.Service, before, now *mesh.EndpointSet, at time.Time) *mesh.EndpointSet {
	if g.grace == 0 || service == nil || service.ExternalName != "" || served(now) {
		if _, keeping := g.until[host]; keeping {
			before = nil // what was kept is no loss once others are there
		}
		delete(g.until, host)
		g.watch(host, before, now, at)
		return nil
	}
	end, keeping := g.until[host]
	if keeping && at.Before(end) {
		return before
	}
	delete(g.until, host)
	if keeping {
		return nil
	}
	lost := g.lost(host, before, now, at)
	if lost != nil {
		g.until[host] = at.Add(g.grace)
	}
	return lost
}

// watch notes that endpoints vanish that took calls, while others go on.
func (g lossGuard) watch(host string, before, now *mesh.EndpointSet, at time.Time) {
	first, row := g.shrunk[host]
	switch {
	case row && at.Sub(first.at) < burst && served(now):
	case g.grace > 0 && served(now) && vanished(before, now) > 0:
		g.shrunk[host] = shrunk{before, at}
	default:
		delete(g.shrunk, host)
	}
}

// lost returns the endpoints that have gone at once, be it in one step or in a quick row of them, or nil.
func (g lossGuard) lost(host string, before, now *mesh.EndpointSet, at time.Time) *mesh.EndpointSet {
	first, row := g.shrunk[host]
	delete(g.shrunk, host)
	switch {
	case ready(before) >= minGuarded:
		return before
	case row && at.Sub(first.at) < burst && ready(first.from) >= minGuarded && vanished(first.from, now) == ready(first.from):
		return first.from
	}
	return nil
}

// vanished counts the endpoints that took calls and are not there any more, not even as unready.
func vanished(before, now *mesh.EndpointSet) int {
	there := map[string]bool{}
	if now != nil {
		for i := range now.Endpoints {
			there[now.Endpoints[i].Address] = true
		}
	}
	n := 0
	if before != nil {
		for i := range before.Endpoints {
			if e := &before.Endpoints[i]; e.Health == mesh.Ready && !there[e.Address] {
				n++
			}
		}
	}
	return n
}

// expired returns the Services whose endpoints are kept no longer.
func (g lossGuard) expired(at time.Time) []string {
	var over []string
	for host, end := range g.until {
		if !at.Before(end) {
			over = append(over, host)
		}
	}
	return over
}

// nextExpiry says in how long the first of them is over. It fails when none is kept.
func (g lossGuard) nextExpiry(at time.Time) (time.Duration, bool) {
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

func (g lossGuard) problem(kept *mesh.EndpointSet, ref mesh.Ref) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeEndpointsVanished, Severity: mesh.Warning, Object: ref,
		Message: fmt.Sprintf("All %d endpoints were removed at once. Clients keep them for %s. Restore the endpoints, or delete the Service.",
			ready(kept), g.grace),
	}
}
