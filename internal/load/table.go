package load

import (
	"slices"
	"sync"
	"time"
)

// Options of a Table.
type Options struct {
	// Interval is how often clients report.
	Interval time.Duration
	// MaxEdges bounds the edges. What exceeds it is counted as one edge of each namespace, from and to Other. 0 means DefaultMaxEdges.
	MaxEdges int
}

const (
	// DefaultInterval is how often clients report unless another interval is set.
	DefaultInterval = 10 * time.Second
	// DefaultMaxEdges is far more than what a mesh of a thousand workloads has.
	DefaultMaxEdges = 50_000
	// Other is the workload, and the Service, of the edge that has what exceeds the number of edges.
	Other = "other"
	// maxRate is the highest number of calls in a second that is believed of one client and cluster.
	maxRate = 1_000_000
	// maxSourceEdges bounds the edges of one workload, so that it cannot take the place of others.
	maxSourceEdges = 5000
	// keepUnreported is how long an edge is kept after its last report.
	keepUnreported = time.Hour
)

// Table has all edges of one process. It is safe for concurrent use.
type Table struct {
	o Options

	// mu protects the fields below, and all edges.
	mu    sync.Mutex
	edges map[edgeKey]*edge
	// perSource is the number of edges of each source.
	perSource map[Source]int
	// followed has the attempts by bucket of the Services that Follow names.
	followed map[Service]*tally
	// evicted is when edges were last looked through for old ones.
	evicted time.Time
	// streams is the number of open Streams. reports counts reports, ignored what was left out of them, by reason.
	streams int
	reports uint64
	ignored [ignoredReasons]uint64
}

type edgeKey struct {
	source Source
	to     target
	zone   string
}

// edge has the counters of one Edge.
type edge struct {
	Edge

	since  time.Time
	window window
	// gone is set when the edge was evicted: a Stream that has it must look for another.
	gone bool
}

// New makes an empty Table.
func New(o Options) *Table {
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.MaxEdges == 0 {
		o.MaxEdges = DefaultMaxEdges
	}
	return &Table{o: o, edges: map[edgeKey]*edge{}, perSource: map[Source]int{}}
}

// Interval is how often clients report.
func (t *Table) Interval() time.Duration { return t.o.Interval }

// Edges returns all edges, in the order of Compare.
func (t *Table) Edges() []Edge {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.evict(now)
	all := make([]Edge, 0, len(t.edges))
	for _, e := range t.edges {
		all = append(all, e.at(now, t.o.Interval))
	}
	slices.SortFunc(all, Compare)
	return all
}

// at returns the Edge with its rates at that time.
func (e *edge) at(now time.Time, interval time.Duration) Edge {
	v := e.Edge
	var ok bool
	if v.CallsPerSecond, v.ErrorsPerSecond, ok = e.window.rates(e.since, now, interval); !ok {
		if age := now.Sub(e.since).Seconds(); age > 0 {
			v.CallsPerSecond, v.ErrorsPerSecond = float64(v.Calls)/age, float64(v.Errors)/age
		}
	}
	v.Reported = v.Reported.UTC()
	return v
}

// edge returns the edge with that key, which it makes if there is none. since is when the first report about it begins. The
// caller holds mu.
func (t *Table) edge(key edgeKey, since, now time.Time) *edge {
	if e := t.edges[key]; e != nil {
		return e
	}
	if t.full(key.source) {
		t.evict(now)
	}
	if t.full(key.source) {
		t.ignored[ignoredTooManyEdges]++
		key = edgeKey{source: Source{Namespace: key.source.Namespace, Workload: Other}, to: target{Destination: Destination{Service: Other}}}
		if e := t.edges[key]; e != nil {
			return e
		}
	}
	e := &edge{since: since, Edge: Edge{Source: key.source, Destination: key.to.Destination, Subset: key.to.subset, Zone: key.zone, Reported: now}}
	e.window.newest = slotOf(since, t.o.Interval) - 1
	t.edges[key] = e
	t.perSource[key.source]++
	return e
}

// full reports whether no more edges of the source are kept. The caller holds mu.
func (t *Table) full(source Source) bool {
	return len(t.edges) >= t.o.MaxEdges || t.perSource[source] >= maxSourceEdges
}

// evict removes the edges of which no client has reported for long. The caller holds mu.
func (t *Table) evict(now time.Time) {
	if now.Sub(t.evicted) < t.o.Interval {
		return
	}
	t.evicted = now
	for key, e := range t.edges {
		if now.Sub(e.Reported) >= keepUnreported {
			e.gone = true
			delete(t.edges, key)
			if t.perSource[key.source]--; t.perSource[key.source] == 0 {
				delete(t.perSource, key.source)
			}
		}
	}
}
