package assemble

import (
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// minGuarded is how many ready endpoints a Service must have had for their loss to be guarded. Losing a single endpoint
// is normal: it is replaced, or it failed.
const minGuarded = 2

// burst is the time within which changes count as one: one command that deletes the objects of a Service deletes them
// one after another.
const burst = time.Second

// lossGuard keeps the endpoints of a Service for a grace period if the Service loses two or more endpoints, and the
// last of them, within a second. Such a loss is seldom intended and never urgent, because clients skip endpoints that
// do not answer. Endpoints that stop one by one, as in an orderly shutdown, are not kept.
type lossGuard struct {
	// grace is how long endpoints are kept; 0 disables the guard.
	grace time.Duration
	// until is when the grace period of a host ends, for hosts whose endpoints are kept.
	until map[string]time.Time
	// shrunk has the endpoints that a host had before it lost some of its ready endpoints a moment ago.
	shrunk map[string]shrunk
}

// shrunk is the EndpointSet before the first of a series of losses.
type shrunk struct {
	from *mesh.EndpointSet
	at   time.Time
}

func newLossGuard(grace time.Duration) lossGuard {
	return lossGuard{grace: grace, until: map[string]time.Time{}, shrunk: map[string]shrunk{}}
}

// keeps returns the endpoints to keep although the Service has none that can be called now, or nil. before is the
// current EndpointSet. A Service that is gone (nil) keeps none, and clients resolve some names themselves.
func (g lossGuard) keeps(host string, service *mesh.Service, before, now *mesh.EndpointSet, at time.Time) *mesh.EndpointSet {
	if g.grace == 0 || service == nil || service.ResolvedByClients() || served(now) {
		if _, keeping := g.until[host]; keeping {
			before = nil // the kept endpoints are not a loss once there are others
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

// watch records that some ready endpoints vanished while others remain.
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

// lost returns the endpoints that were lost at once, in one step or in a burst, or nil.
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

// vanished counts the ready endpoints of before that are not in now at all, not even as not ready.
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

// expired returns the hosts whose grace period is over.
func (g lossGuard) expired(at time.Time) []string {
	var over []string
	for host, end := range g.until {
		if !at.Before(end) {
			over = append(over, host)
		}
	}
	return over
}

// nextExpiry returns the time until the first grace period is over, and false if no endpoints are kept.
func (g lossGuard) nextExpiry(at time.Time) (time.Duration, bool) {
	var first time.Time
	for _, end := range g.until {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first.Sub(at), !first.IsZero()
}

// ready counts the ready endpoints of a set, which may be nil.
func ready(set *mesh.EndpointSet) int {
	return countEndpoints(set, func(h mesh.Health) bool { return h == mesh.Ready })
}

// served reports whether any endpoint would answer a call: draining endpoints do if none is ready.
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
