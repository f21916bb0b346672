package load

import "time"

// Report is what a client reports about one cluster: what has happened since its last report.
type Report struct {
	// Cluster is the name of the cluster. The caller may reuse its memory.
	Cluster []byte
	// Interval is how long the report covers.
	Interval   time.Duration
	Dropped    uint64
	Localities []Locality
}

// Locality is what a client reports about the endpoints of one locality.
type Locality struct {
	// Zone may share memory, as Report.Cluster does.
	Zone                   []byte
	OK, Errors, InProgress uint64
}

// Target finds what a cluster is that a client reports about. ok is false if the client does not use it: a client can
// falsify only its own edges.
type Target func(cluster string) (to Destination, subset string, ok bool)

type target struct {
	Destination

	subset string
}

// The reasons for which a part of a report is ignored: values of the label "reason".
const (
	ignoredUnknown      = iota // the client does not subscribe to the cluster
	ignoredImplausible         // a number is too high to be true
	ignoredTooMany             // the report is about more clusters, or zones of a cluster, than are read
	ignoredTooManyEdges        // counted for Other
	ignoredReasons
)

var ignoredNames = [ignoredReasons]string{"not_subscribed", "implausible", "too_many_clusters", "too_many_edges"}

// MaxClusters bounds the clusters that one report, and one Stream, may be about.
const MaxClusters = 2000

// maxZones bounds the zones of one cluster that one client may report about.
const maxZones = 64

// Stream has the reports of one client. One goroutine uses it.
type Stream struct {
	table  *Table
	source Source
	target Target
	// bucket is that of the client; see mesh.Share.
	bucket uint16
	// clusters are those that the client has reported about.
	clusters map[string]*reported
	// round is the number of the current report.
	round uint64
}

// reported is a cluster that a client has reported about.
type reported struct {
	name  string
	to    target
	zones map[string]*inZone
	round uint64
}

// inZone is what a client has in one zone.
type inZone struct {
	zone       string
	edge       *edge
	inProgress uint64
	round      uint64
}

// Open begins the reports of a client. The caller closes the Stream.
func (t *Table) Open(source Source, bucket uint16, find Target) *Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams++
	return &Stream{table: t, source: source, bucket: bucket, target: find, clusters: map[string]*reported{}}
}

// Close ends the reports of the client. It has no attempts in progress any more.
func (s *Stream) Close() {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.streams--
	s.round++
	s.settle()
}

// Add adds one report about several clusters.
func (s *Stream) Add(reports []Report) {
	now := time.Now()
	found := make([]*reported, min(len(reports), MaxClusters))
	for i := range found {
		found[i] = s.cluster(reports[i].Cluster)
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.reports++
	s.round++
	if extra := len(reports) - len(found); extra > 0 {
		s.table.ignored[ignoredTooMany] += uint64(extra)
	}
	for i, c := range found {
		if c == nil {
			s.table.ignored[ignoredUnknown]++
			continue
		}
		s.add(c, &reports[i], now)
	}
	s.settle()
}

// cluster returns the cluster with that name; nil if the client does not use it.
func (s *Stream) cluster(name []byte) *reported {
	if c := s.clusters[string(name)]; c != nil {
		return c
	}
	if len(s.clusters) >= MaxClusters {
		s.forget()
	}
	to, subset, ok := s.target(string(name))
	if !ok || len(s.clusters) >= MaxClusters {
		return nil
	}
	c := &reported{name: string(name), to: target{to, subset}, zones: map[string]*inZone{}}
	s.clusters[c.name] = c
	return c
}

// forget drops the clusters that the client did not mention in its last report.
func (s *Stream) forget() {
	for name, c := range s.clusters {
		if c.round != s.round {
			delete(s.clusters, name)
		}
	}
}

// add adds what the client reports about one cluster. The caller holds Table.mu.
func (s *Stream) add(c *reported, r *Report, now time.Time) {
	c.round = s.round
	// A report that states no interval, or an impossible one, covers the interval that clients are asked for.
	covers := r.Interval
	followed := s.table.followed[c.to.service()]
	if covers <= 0 || covers > keepUnreported {
		covers = s.table.o.Interval
	}
	for i := range r.Localities {
		l := &r.Localities[i]
		calls, errors := s.plausible(l.OK, covers), s.plausible(l.Errors, covers)
		z := s.zone(c, l.Zone, now.Add(-covers), now)
		e := z.edge
		e.Calls += calls + errors
		e.Errors += errors
		followed.add(s.bucket, calls+errors, errors)
		e.window.add(now.Add(-covers), now, s.table.o.Interval, calls+errors, errors)
		e.Reported = now
		z.now(s.plausible(l.InProgress, covers), s.round)
	}
	if r.Dropped > 0 {
		z := s.zone(c, nil, now.Add(-covers), now)
		dropped := s.plausible(r.Dropped, covers)
		z.edge.Dropped += dropped
		followed.add(s.bucket, dropped, dropped)
		z.edge.Reported = now
	}
}

// plausible bounds a counter, and counts what it bounds.
func (s *Stream) plausible(n uint64, covers time.Duration) uint64 {
	if most := uint64(maxRate * max(covers, time.Second).Seconds()); n > most {
		s.table.ignored[ignoredImplausible]++
		return most
	}
	return n
}

// zone returns what the client has in that zone of the cluster. The caller holds Table.mu.
func (s *Stream) zone(c *reported, name []byte, since, now time.Time) *inZone {
	z := c.zones[string(name)]
	if z == nil && len(c.zones) >= maxZones {
		s.table.ignored[ignoredTooMany]++
		name = nil
		z = c.zones[""]
	}
	if z == nil {
		z = &inZone{zone: string(name)}
		c.zones[z.zone] = z
	}
	if z.edge == nil || z.edge.gone {
		z.edge, z.inProgress = s.table.edge(edgeKey{s.source, c.to, z.zone}, since, now), 0
	}
	return z
}

// now sets how many attempts of the client are in progress. A zone that a report names twice has both.
func (z *inZone) now(n, round uint64) {
	if z.round == round {
		n += z.inProgress
	}
	z.edge.InProgress += n - z.inProgress
	z.inProgress, z.round = n, round
}

// settle ends the attempts in progress of which the last report says nothing. The caller holds Table.mu.
func (s *Stream) settle() {
	for _, c := range s.clusters {
		for _, z := range c.zones {
			if z.round != s.round && z.inProgress > 0 && !z.edge.gone {
				z.edge.InProgress -= z.inProgress
				z.inProgress = 0
			}
		}
	}
}
