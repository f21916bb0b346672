package load

import (
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Service is a Destination without its port.
type Service struct{ Namespace, Name string }

func (d Destination) service() Service { return Service{d.Namespace, d.Service} }

// Attempts counts attempts, and those of them that failed. Calls that a client dropped count as failed attempts.
type Attempts struct {
	Calls  uint64 `json:"calls"`
	Errors uint64 `json:"errors"`
}

// Plus adds up.
func (a Attempts) Plus(o Attempts) Attempts { return Attempts{a.Calls + o.Calls, a.Errors + o.Errors} }

// Minus returns the attempts since o was counted.
func (a Attempts) Minus(o Attempts) Attempts { return Attempts{a.Calls - o.Calls, a.Errors - o.Errors} }

// Rules are the objects of which the resources are made by which a client calls a cluster. Reports do not have that, so it is what the client
// was sent.
type Rules struct {
	// Cluster are those of the cluster, and Routes those of each route that leads there.
	Cluster []mesh.Ref
	Routes  [][]mesh.Ref
}

// Way is how calls reach a Service: by which Rules. Calls by several routes cannot be told apart.
type Way struct {
	Service

	rules string
}

// The separators of the text of a Way: between objects, and between the cluster and its routes.
const betweenRefs, betweenRoutes = "\x00", "\x01"

// WayOf returns the Way of calls to a Service by the Rules.
func WayOf(to Service, by Rules) Way {
	routes := make([]string, 0, len(by.Routes))
	for _, route := range by.Routes {
		routes = append(routes, textOf(route))
	}
	slices.Sort(routes)
	return Way{to, strings.Join(append([]string{textOf(by.Cluster)}, slices.Compact(routes)...), betweenRoutes)}
}

func textOf(refs []mesh.Ref) string {
	all := make([]string, 0, len(refs))
	for _, ref := range refs {
		all = append(all, ref.String())
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), betweenRefs)
}

// Objects returns the Rules as texts of mesh.Ref. If there are no routes, these are not known.
func (w Way) Objects() (cluster []string, routes [][]string) {
	for i, part := range strings.Split(w.rules, betweenRoutes) {
		if refs := strings.Split(part, betweenRefs); i == 0 {
			cluster = refs
		} else {
			routes = append(routes, refs)
		}
	}
	return cluster, routes
}

// maxWays bounds the ways to one Service that are told apart.
const maxWays = 64

// tally has the attempts to one Service, on one Way, by the bucket of the client.
type tally [mesh.Buckets + 1]Attempts

// add counts attempts of a client; t may be nil.
func (t *tally) add(bucket uint16, calls, errors uint64) {
	if t != nil {
		t[bucket] = t[bucket].Plus(Attempts{calls, errors})
	}
}

// Follow names the Services whose attempts are counted by the buckets of the clients and by Way. The counters of others are dropped.
func (t *Table) Follow(services map[Service]struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[Service]map[string]*tally, len(services))
	for s := range services {
		if next[s] = t.followed[s]; next[s] == nil {
			next[s] = map[string]*tally{}
		}
	}
	t.followed = next
}

// Attempts returns what the clients of a share attempted to call a Service since it is followed, by Way.
func (t *Table) Attempts(of Service, share mesh.Share) map[Way]Attempts {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[Way]Attempts{}
	for way, counted := range t.followed[of] {
		var sum Attempts
		for bucket, n := range counted {
			if share.Has(uint16(bucket)) {
				sum = sum.Plus(n)
			}
		}
		all[Way{of, way}] = sum
	}
	return all
}

// trace finds the Rules by which the client calls the clusters of the current report, as far as the calls are followed.
func (s *Stream) trace() {
	if s.rules == nil {
		return
	}
	s.table.mu.Lock()
	followed := s.table.followed // What it contains is not read here, and which Services it has does not change.
	s.table.mu.Unlock()
	for _, c := range s.found {
		if c == nil {
			continue
		}
		if _, ok := followed[c.to.service()]; ok {
			c.trace(s.rules(c.name.Value()))
		}
	}
}

// byRules says by which Rules a client calls a cluster.
type byRules struct {
	// now are those at the last report, and way has the routes of the one before, too: a report covers what happened meanwhile.
	now Rules
	way string
}

// trace notes the Rules by which the client calls the cluster now. One that has just left it still reports its last calls.
func (c *reported) trace(now Rules) {
	if c.by == nil {
		c.by = &byRules{now: now}
	}
	if len(now.Routes) == 0 {
		now.Routes = c.by.now.Routes
	}
	all := Rules{slices.Concat(c.by.now.Cluster, now.Cluster), slices.Concat(c.by.now.Routes, now.Routes)}
	c.by.now, c.by.way = now, WayOf(c.to.service(), all).rules
}

// counter returns the counters of the calls to a cluster; nil if they are not followed. The caller holds Table.mu.
func (s *Stream) counter(c *reported) *tally {
	ways, ok := s.table.followed[c.to.service()]
	if !ok {
		return nil
	}
	way := ""
	if c.by != nil {
		way = c.by.way
	}
	if ways[way] == nil && len(ways) >= maxWays {
		way = ""
	}
	if ways[way] == nil {
		ways[way] = &tally{}
	}
	return ways[way]
}
