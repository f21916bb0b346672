package load

import (
	"slices"
	"strings"
	"time"

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

// Way is how calls reach a Service: from which workload, and by which Rules. Calls by several routes cannot be told apart.
type Way struct {
	Service

	// From is the workload. Workloads beyond maxCounted are one, whose name is Other.
	From  Source
	rules string
}

// The separators of the text of a Way: between objects, and between the cluster and its routes.
const betweenRefs, betweenRoutes = "\x00", "\x01"

// WayOf returns the Way of calls of a workload to a Service by the Rules.
func WayOf(from Source, to Service, by Rules) Way { return Way{to, from, by.text()} }

func (r Rules) text() string {
	routes := make([]string, 0, len(r.Routes))
	for _, route := range r.Routes {
		routes = append(routes, textOf(route))
	}
	slices.Sort(routes)
	return strings.Join(append([]string{textOf(r.Cluster)}, slices.Compact(routes)...), betweenRoutes)
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

// Exceeds reports whether the calls are those for which there is no counter of their own, so that neither objects nor routes are known.
func (w Way) Exceeds() bool { return w.rules == "" }

const (
	// maxWays bounds the Rules of one Service that are told apart.
	maxWays = 64
	// maxCounted bounds the counters of one Service of workloads that are proved, and of all others, so that these take no place from them.
	// What exceeds it counts for the workload Other, by Rules that are not known.
	maxCounted = 1 << 15
)

// tally has the attempts to one Service.
type tally struct {
	counted map[cell]*counter
	// rules are those of the cells. proved and unproved are how many cells there are of such workloads, except Other.
	rules            map[string]struct{}
	proved, unproved int
	// evicted is when cells were last looked through for old ones.
	evicted time.Time
}

// counter has the attempts of a cell, and when they were reported last.
type counter struct {
	Attempts

	reported time.Time
}

// cell is what attempts are counted by. Most workloads have few clients, and so few of the buckets.
type cell struct {
	from   Source
	rules  string
	bucket uint16
}

// counter returns the counter of a cell, which it makes if there is none.
func (t *tally) counter(of cell, now time.Time) *Attempts {
	if n := t.counted[of]; n != nil {
		n.reported = now
		return &n.Attempts
	}
	if _, ok := t.rules[of.rules]; !ok && len(t.rules) >= maxWays {
		of.rules = ""
	}
	size := &t.proved
	if of.from.Unproved {
		size = &t.unproved
	}
	if *size >= maxCounted {
		t.evict(now)
	}
	if *size >= maxCounted {
		of.from, of.rules = Source{Workload: Other, Unproved: of.from.Unproved}, ""
	}
	n := t.counted[of]
	if n == nil {
		n = &counter{}
		t.counted[of] = n
		t.rules[of.rules] = struct{}{}
		if *size < maxCounted {
			*size++
		}
	}
	n.reported = now
	return &n.Attempts
}

// evict removes the cells of workloads that have reported nothing by the same rules for long, such as those of jobs that have ended. What is left of
// a Way is never less than before: it is there as a whole, or not at all.
func (t *tally) evict(now time.Time) {
	if now.Sub(t.evicted) < time.Minute {
		return
	}
	t.evicted = now
	type way struct {
		from  Source
		rules string
	}
	live := map[way]bool{}
	for by, n := range t.counted {
		live[way{by.from, by.rules}] = live[way{by.from, by.rules}] || now.Sub(n.reported) < keepUnreported
	}
	clear(t.rules)
	for by := range t.counted {
		switch of := (way{by.from, by.rules}); {
		case live[of] || by.from.Workload == Other:
			t.rules[by.rules] = struct{}{}
			continue
		case by.from.Unproved:
			t.unproved--
		default:
			t.proved--
		}
		delete(t.counted, by)
	}
}

// add counts attempts; a may be nil.
func (a *Attempts) add(calls, errors uint64) {
	if a != nil {
		*a = a.Plus(Attempts{calls, errors})
	}
}

// Follow names the Services whose attempts are counted by Way and by the buckets of the clients. The counters of others are dropped.
func (t *Table) Follow(services map[Service]struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[Service]*tally, len(services))
	for s := range services {
		if next[s] = t.followed[s]; next[s] == nil {
			next[s] = &tally{counted: map[cell]*counter{}, rules: map[string]struct{}{}}
		}
	}
	t.followed = next
}

// Lane is a Way of the clients in one bucket.
type Lane struct {
	Way

	Bucket uint16
}

// Caller is the clients of a workload in one bucket.
type Caller struct {
	From   Source
	Bucket uint16
}

// Caller returns the clients of the Lane.
func (l Lane) Caller() Caller { return Caller{l.From, l.Bucket} }

// Attempts returns what clients attempted to call a Service since it is followed.
func (t *Table) Attempts(of Service) map[Lane]Attempts {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[Lane]Attempts{}
	if t.followed[of] == nil {
		return all
	}
	for by, n := range t.followed[of].counted {
		all[Lane{Way{of, by.from, by.rules}, by.bucket}] = n.Attempts
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
	c.by.now, c.by.way = now, all.text()
}

// counter returns the counter of the calls to a cluster; nil if they are not followed. The caller holds Table.mu.
func (s *Stream) counter(c *reported, now time.Time) *Attempts {
	counted := s.table.followed[c.to.service()]
	if counted == nil {
		return nil
	}
	by := cell{from: s.source, bucket: s.bucket}
	if c.by != nil {
		by.rules = c.by.way
	}
	return counted.counter(by, now)
}
