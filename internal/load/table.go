package load

import (
	"sync"
	"time"
	"unique"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Options of a Table.
type Options struct {
	// Interval is how often clients report.
	Interval time.Duration
	// MaxEdges bounds the edges of sources that are proved, and those of all others together, so that these take no place from
	// them. What exceeds it is counted as one edge more, from and to Other. 0 means DefaultMaxEdges.
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
	// fairPart is the part of the edges of sources that are not proved that clients from one address keep if there are too many.
	fairPart = 16
	// decoders is how many reports are decoded at the same time.
	decoders = 4
)

// Table has all edges of one process. It is safe for concurrent use.
type Table struct {
	o Options
	// decoders are shared by all Streams: each uses one for moments only, and waits for it. Large reports make each large.
	decoders chan *Decoder

	// mu protects the fields below, and all edges.
	mu    sync.Mutex
	edges map[edgeKey]*edge
	// perSource is the number of edges of each source, and of each allLike.
	perSource map[Source]int
	// perAddress is the number of edges of sources that are not proved, by the address of the client that reported them first. A
	// client can name itself as any number of sources. greedy is an address that has many of them.
	perAddress map[string]int
	greedy     string
	// kept is the number of clusters and zones that Streams keep, of each source and of each allLike.
	kept map[Source]int
	// exceeded is when an edge of a source was last counted as Other because the source, or allLike it, has too many. Only what has
	// many edges is in it, so it is small.
	exceeded map[Source]time.Time
	// followed has the attempts to the Services that Follow names.
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

// edge has the counters of one Edge. A mesh has many, so it has no more than that.
type edge struct {
	calls, errors, dropped, inProgress uint64
	// since is when the first report about it begins, reported when the last one came: in nanoseconds since 1970.
	since, reported int64
	window          window
	// zone shares its memory with other edges.
	zone unique.Handle[string]
	// address is the one that perAddress counts it for.
	address string
	// metrics are what servers reported, by name; nil if no author lists any.
	metrics map[string]*sum
	// gone is set when the edge was evicted: a Stream that has it must look for another.
	gone bool
	// other is set for an edge to Other, in place of which a Stream looks for one of its own again with each report.
	other bool
}

// New makes an empty Table.
func New(o Options) *Table {
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.MaxEdges == 0 {
		o.MaxEdges = DefaultMaxEdges
	}
	t := &Table{o: o, edges: map[edgeKey]*edge{}, perSource: map[Source]int{}, perAddress: map[string]int{}, kept: map[Source]int{}, exceeded: map[Source]time.Time{}, decoders: make(chan *Decoder, decoders)}
	for range decoders {
		t.decoders <- &Decoder{}
	}
	return t
}

// Interval is how often clients report.
func (t *Table) Interval() time.Duration { return t.o.Interval }

// Edges returns all edges, in the order of Compare.
func (t *Table) Edges() []Edge {
	all := t.unsorted()
	mesh.SortFunc(all, Compare)
	return all
}

func (t *Table) unsorted() []Edge {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.evict(now)
	all := make([]Edge, 0, len(t.edges))
	for key, e := range t.edges {
		all = append(all, e.at(key, now, t.o.Interval))
	}
	return all
}

// at returns the Edge with its rates at that time.
func (e *edge) at(key edgeKey, now time.Time, interval time.Duration) Edge {
	v := Edge{
		Metrics: e.metricsOf(),
		Source:  key.source, Destination: key.to.Destination, Subset: key.to.subset, Zone: key.zone,
		Calls: e.calls, Errors: e.errors, Dropped: e.dropped, InProgress: e.inProgress, Reported: time.Unix(0, e.reported).UTC(),
	}
	var ok bool
	since := time.Unix(0, e.since)
	if v.CallsPerSecond, v.ErrorsPerSecond, ok = e.window.rates(since, now, interval); !ok {
		if age := now.Sub(since).Seconds(); age > 0 {
			v.CallsPerSecond, v.ErrorsPerSecond = float64(v.Calls)/age, float64(v.Errors)/age
		}
	}
	return v
}

// allLike stands for all sources that are proved, or for all that are not: a client without a proof can name itself as any number of sources.
func allLike(source Source) Source { return Source{Unproved: source.Unproved} }

// edge returns the edge with that key, which it makes for a client with an address if there is none. since is when the first report
// about it begins. The caller holds mu.
func (t *Table) edge(key edgeKey, address string, since, now time.Time) *edge {
	if e := t.edges[key]; e != nil {
		return e
	}
	limit, full := t.full(key.source)
	if full {
		t.evict(now)
		limit, full = t.full(key.source)
	}
	if full && limit == allLike(key.source) && t.displace(address) {
		full = false
	}
	if full {
		t.ignored[ignoredTooManyEdges]++
		t.exceeded[limit] = now
		key = edgeKey{source: Source{Namespace: limit.Namespace, Workload: Other}, to: target{Destination: Destination{Service: Other}}}
		if e := t.edges[key]; e != nil {
			return e
		}
	}
	e := &edge{since: since.UnixNano(), reported: now.UnixNano(), other: full, zone: unique.Make(key.zone), address: address}
	key.zone = e.zone.Value()
	e.window.newest = slotOf(since, t.o.Interval) - 1
	t.edges[key] = e
	t.count(key.source, e, 1)
	return e
}

// displace removes an edge of clients from an address that have more than their part, in favor of one from another address: without it,
// one client that proves nothing would take the place of all others. It reports whether it did. The caller holds mu.
func (t *Table) displace(address string) bool {
	part := t.o.MaxEdges / fairPart
	if address == "" || t.perAddress[address] >= part {
		return false
	}
	if t.perAddress[t.greedy] <= part {
		for other, n := range t.perAddress {
			if n > t.perAddress[t.greedy] {
				t.greedy = other
			}
		}
	}
	if t.perAddress[t.greedy] <= part {
		return false
	}
	for key, e := range t.edges { // in any order, and one of fairPart is of that address
		if e.address == t.greedy && key.source.Unproved {
			t.remove(key, e)
			return true
		}
	}
	return false
}

// remove removes an edge. The caller holds mu.
func (t *Table) remove(key edgeKey, e *edge) {
	e.gone = true
	delete(t.edges, key)
	t.count(key.source, e, -1)
}

// full reports whether no more edges of the source are kept, and of what there are too many: of the source, or of allLike it. The
// caller holds mu.
func (t *Table) full(source Source) (limit Source, full bool) {
	if all := allLike(source); t.perSource[all] >= t.o.MaxEdges {
		return all, true
	}
	return source, t.perSource[source] >= maxSourceEdges
}

// count counts an edge of the source that is made, or removed. The caller holds mu.
func (t *Table) count(source Source, e *edge, n int) {
	for _, of := range []Source{source, allLike(source)} {
		if t.perSource[of] += n; t.perSource[of] == 0 {
			delete(t.perSource, of)
		}
	}
	if source.Unproved && e.address != "" {
		if t.perAddress[e.address] += n; t.perAddress[e.address] == 0 {
			delete(t.perAddress, e.address)
		}
	}
}

// evict removes the edges of which no client has reported for long. The caller holds mu.
func (t *Table) evict(now time.Time) {
	if now.Sub(t.evicted) < t.o.Interval {
		return
	}
	t.evicted = now
	for key, e := range t.edges {
		if now.UnixNano()-e.reported >= int64(keepUnreported) {
			t.remove(key, e)
		}
	}
}
