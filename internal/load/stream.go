package load

import (
	"slices"
	"time"
	"unique"
)

// Report is what a client reports about one cluster: what has happened since its last report.
type Report struct {
	// Cluster is the name of the cluster. The caller may reuse its memory.
	Cluster []byte
	// Interval is how long the report covers.
	Interval   time.Duration
	Dropped    uint64
	Localities []Locality
	Metrics    []Metric
	// Extra is the number of localities and metrics beyond those that are read; after the last Report that is read, of Reports, too.
	Extra uint64
}

// Metric is what the servers of one locality reported about themselves in the answers to calls (ORCA).
type Metric struct {
	// Name may share memory, as Report.Cluster does.
	Name []byte
	// Locality is an index of Report.Localities.
	Locality int
	// Sum adds up the values of Count calls.
	Sum   float64
	Count uint64
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
	ignoredImplausible         // a number is too high to be true, or a name too long
	ignoredTooMany             // the report is about more clusters, or zones of a cluster, than are read
	ignoredTooManyEdges        // counted for Other
	ignoredInterval            // no length of a report that can be true
	ignoredTooLarge            // more bytes than are read
	ignoredTooOften            // sooner after the last one than clients are asked for
	ignoredMetric              // not listed by the author of the cluster
	ignoredReasons
)

var ignoredNames = [ignoredReasons]string{"not_subscribed", "implausible", "too_many_clusters", "too_many_edges", "no_interval", "too_large", "too_often", "metric_not_listed"}

// IgnoreLarge and IgnoreOften count a report that is not read because it is too large, or comes too soon.
func (t *Table) IgnoreLarge() { t.ignore(ignoredTooLarge) }

// IgnoreOften is explained at IgnoreLarge.
func (t *Table) IgnoreOften() { t.ignore(ignoredTooOften) }

func (t *Table) ignore(reason int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ignored[reason]++
}

// MaxClusters bounds the clusters that one report may be about, and those that a Stream keeps after it.
const MaxClusters = 2000

// maxZones bounds the zones of one cluster that one client may report about.
const maxZones = 64

// maxZoneName and maxClusterName bound the names in a report, which are kept and become labels: a client can subscribe to a
// cluster of any name. No zone, and no cluster of Mizzen's, has a longer one.
const (
	maxZoneName    = 256
	maxClusterName = 1024
)

// Stream has the reports of one client. One goroutine uses it.
type Stream struct {
	table  *Table
	source Source
	// address is that of the client.
	address string
	target  Target
	// bucket is that of the client; see mesh.Share.
	bucket uint16
	// clusters are those that the client has reported about.
	clusters map[string]*reported
	// listed and rules are those of the Client.
	listed func(cluster string) []string
	rules  func(cluster string) Rules
	// found are those that the current report is about, in its order; nil for one that the client does not use.
	found []*reported
	// round is the number of the current report.
	round uint64
	// kept is the number of clusters and zones that are kept. excess is set if the current report has clusters that are not.
	kept   int
	excess bool
	// covered is the end of the time that reports have covered, if they followed each other since the Stream was opened, or an interval
	// before. A client cannot make that time longer than it was.
	covered time.Time
}

// reported is a cluster that a client has reported about.
type reported struct {
	// name shares its memory with other Streams.
	name  unique.Handle[string]
	to    target
	zones []inZone
	round uint64
	// most is the number of calls that is believed of the current report, and the others what is left of it: a report may name a
	// cluster again.
	most, attempts, dropped, inProgress uint64
	// kept is set if the cluster is kept after the current report, with its zones.
	kept bool
	// listed are the names of metrics that the client is to report.
	listed []string
	// by says how calls reach the cluster; nil unless these are followed.
	by *byRules
}

// inZone is what a client has in one zone, or in all zones whose edge is Other.
type inZone struct {
	edge       *edge
	inProgress uint64
	round      uint64
}

// Client is what is known of a client that reports.
type Client struct {
	Source Source
	// Address is the host from which it is connected. It may be empty.
	Address string
	// Bucket is that of mesh.Client.
	Bucket uint16
	Find   Target
	// Listed returns the names of the metrics of servers that the client is to report about a cluster. It may be nil.
	Listed func(cluster string) []string
	// Rules returns those by which the client calls a cluster. If it is nil, they are not known.
	Rules func(cluster string) Rules
}

// Open begins the reports of a client. The caller closes the Stream.
func (t *Table) Open(source Source, bucket uint16, find Target) *Stream {
	return t.OpenWith(Client{Source: source, Bucket: bucket, Find: find})
}

// OpenWith is Open for a client of which more is known.
func (t *Table) OpenWith(c Client) *Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams++
	return &Stream{covered: time.Now().Add(-t.o.Interval), table: t, source: c.Source, address: c.Address, bucket: c.Bucket, target: c.Find, listed: c.Listed, rules: c.Rules, clusters: map[string]*reported{}}
}

// Close ends the reports of the client. It has no attempts in progress any more.
func (s *Stream) Close() {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.streams--
	s.round++
	s.settle()
	s.release(s.kept)
}

// AddEncoded adds one encoded LoadStatsRequest.
func (s *Stream) AddEncoded(b []byte) error {
	d := <-s.table.decoders
	defer func() { s.table.decoders <- d }()
	if err := d.Decode(b); err != nil {
		return err
	}
	s.Add(d.Reports)
	return nil
}

// Add adds one report about several clusters.
func (s *Stream) Add(reports []Report) {
	now := time.Now()
	cut := reports[min(len(reports), MaxClusters):]
	reports = reports[:len(reports)-len(cut)]
	s.found = s.found[:0]
	for i := range reports {
		s.found = append(s.found, s.cluster(reports[i].Cluster))
	}
	s.list(reports)
	s.trace()
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.reports++
	s.round++
	for i := range cut {
		s.table.ignored[ignoredTooMany] += 1 + cut[i].Extra
	}
	var covered time.Duration
	for i, c := range s.found {
		if c == nil {
			s.table.ignored[ignoredUnknown]++
			continue
		}
		covered = max(covered, s.add(c, &reports[i], now))
	}
	s.covered = s.covered.Add(covered)
	s.settle()
	s.forget()
}

// cluster returns the cluster with that name; nil if the client does not use it.
func (s *Stream) cluster(name []byte) *reported {
	if c := s.clusters[string(name)]; c != nil {
		return c
	}
	if len(name) > maxClusterName {
		return nil
	}
	shared := unique.Make(string(name))
	to, subset, ok := s.target(shared.Value())
	if !ok {
		return nil
	}
	c := &reported{name: shared, to: target{to, subset}}
	s.clusters[shared.Value()] = c
	return c
}

// add adds what the client reports about one cluster, and returns the time that the report can cover. The caller holds Table.mu.
func (s *Stream) add(c *reported, r *Report, now time.Time) time.Duration {
	if !c.kept {
		c.kept = s.keep()
		s.excess = s.excess || !c.kept
	}
	// A report that states no interval, or an impossible one, covers the interval that clients are asked for.
	covers := r.Interval
	followed := s.counter(c, now)
	if covers <= 0 || covers > keepUnreported {
		s.table.ignored[ignoredInterval]++
		covers = s.table.o.Interval
	}
	possible := min(covers, max(0, now.Sub(s.covered)))
	if c.round != s.round {
		c.round, c.most = s.round, uint64(maxRate*max(possible, time.Second).Seconds())
		c.attempts, c.dropped, c.inProgress = c.most, c.most, c.most
	}
	for i := range r.Localities {
		l := &r.Localities[i]
		errors := s.plausible(l.Errors, &c.attempts)
		calls := s.plausible(l.OK, &c.attempts)
		e, z := s.zone(c, l.Zone, now.Add(-covers), now)
		e.calls += calls + errors
		e.errors += errors
		followed.add(calls+errors, errors)
		e.window.add(now.Add(-covers), now, s.table.o.Interval, calls+errors, errors)
		e.reported = now.UnixNano()
		if inProgress := s.plausible(l.InProgress, &c.inProgress); z != nil {
			z.now(inProgress, s.round)
		} else if inProgress > 0 {
			s.table.ignored[ignoredTooMany]++
		}
	}
	s.table.ignored[ignoredTooMany] += r.Extra
	s.addMetrics(c, r, now.Add(-covers), now)
	if r.Dropped > 0 {
		e, _ := s.zone(c, nil, now.Add(-covers), now)
		dropped := s.plausible(r.Dropped, &c.dropped)
		e.dropped += dropped
		followed.add(dropped, dropped)
		e.reported = now.UnixNano()
	}
	return possible
}

// plausible bounds a counter by what is left for it, and counts what it bounds.
func (s *Stream) plausible(n uint64, left *uint64) uint64 {
	if n > *left {
		s.table.ignored[ignoredImplausible]++
		n = *left
	}
	*left -= n
	return n
}

// zone returns the edge of that zone of the cluster, and what the client has there; nil if that is not kept. The caller holds Table.mu.
func (s *Stream) zone(c *reported, name []byte, since, now time.Time) (*edge, *inZone) {
	if len(name) > maxZoneName {
		s.table.ignored[ignoredImplausible]++
		name = nil
	}
	z := c.find(name)
	if z == nil && len(c.zones) >= maxZones {
		s.table.ignored[ignoredTooMany]++
		name = nil
		z = c.find(name)
	}
	if z != nil && !z.edge.gone {
		return z.edge, z
	}
	e := s.table.edge(edgeKey{s.source, c.to, string(name)}, s.address, since, now)
	if e.other {
		z = c.with(e)
	}
	switch {
	case z != nil && z.edge == e:
	case z != nil:
		*z = inZone{edge: e}
	case c.kept && s.keep():
		c.zones = append(c.zones, inZone{edge: e})
		z = &c.zones[len(c.zones)-1]
	}
	return e, z
}

// find returns the zone with that name; nil if the client has not reported about it, or its edge is Other. It is valid until there is
// another one.
func (c *reported) find(name []byte) *inZone {
	for i := range c.zones {
		if e := c.zones[i].edge; !e.other && e.zone.Value() == string(name) {
			return &c.zones[i]
		}
	}
	return nil
}

// with returns the zone with that edge, as find does.
func (c *reported) with(e *edge) *inZone {
	for i := range c.zones {
		if c.zones[i].edge == e {
			return &c.zones[i]
		}
	}
	return nil
}

// now sets how many attempts of the client are in progress. A zone that a report names twice has both.
func (z *inZone) now(n, round uint64) {
	if z.round == round {
		n += z.inProgress
	}
	z.edge.inProgress += n - z.inProgress
	z.inProgress, z.round = n, round
}

// settle ends the attempts in progress of which the last report says nothing, and forgets edges that were removed. The caller holds
// Table.mu.
func (s *Stream) settle() {
	for _, c := range s.clusters {
		for i := range c.zones {
			z := &c.zones[i]
			if z.round != s.round && z.inProgress > 0 && !z.edge.gone {
				z.edge.inProgress -= z.inProgress
				z.inProgress = 0
			}
		}
		if n := len(c.zones); slices.ContainsFunc(c.zones, isGone) {
			c.zones = slices.DeleteFunc(c.zones, isGone)
			s.release(n - len(c.zones))
		}
	}
}

func isGone(z inZone) bool { return z.edge.gone }
