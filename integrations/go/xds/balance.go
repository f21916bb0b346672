package xds

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cluster is what calls are sent to. It stays the same while its settings and endpoints change.
type cluster struct {
	name string
	// current is nil until all is known.
	current atomic.Pointer[balancer]
	// inFlight and retries count the calls under way, and the retries among them.
	inFlight, retries atomic.Int64
	// dropped counts the calls since the last report that were given to no endpoint.
	dropped atomic.Uint64
	// counted is when the interval began whose calls are counted, in Unix nanoseconds.
	counted atomic.Int64
	// endpoints are by address, so that what is known of an endpoint outlives a change; settings, members and failed are
	// what current was made from. The Client's lock guards them.
	endpoints map[string]*endpoint
	settings  *clusterSettings
	members   *assignment
	failed    string
	tallies   map[zone]*tally
}

// endpoint is one address of a cluster.
type endpoint struct {
	address  string
	inFlight atomic.Int64
	// failures counts the connections that failed since the last that did not; until downUntil, in Unix nanoseconds, the
	// other endpoints are preferred.
	failures, downUntil atomic.Int64
	// until ejectedUntil, in Unix nanoseconds, it is left out because of record.
	ejectedUntil atomic.Int64
	record       record
	// since is when it came; zero if it was there from the beginning.
	since time.Time
	// tally counts the calls of the endpoint's zone.
	tally *tally
}

// rests reports whether other endpoints are preferred.
func (e *endpoint) rests(now int64) bool {
	return e.downUntil.Load() > now || e.ejectedUntil.Load() > now
}

// A failed endpoint is left alone for a second, then for twice as long, up to longestRest.
const (
	firstRest   = time.Second
	longestRest = 30 * time.Second
)

func (e *endpoint) connectFailed(now time.Time) {
	rest := firstRest << min(e.failures.Add(1)-1, 5)
	e.downUntil.Store(now.Add(min(rest, longestRest)).UnixNano())
}

func (e *endpoint) connected() {
	if e.failures.Load() != 0 {
		e.failures.Store(0)
		e.downUntil.Store(0)
	}
}

// balancer chooses endpoints of one state of a cluster.
type balancer struct {
	// unread is why all calls fail.
	unread                  string
	balancing               balancing
	maxRequests, maxRetries int64
	connectTimeout          time.Duration
	outliers                *outliers
	ratios                  *ratios
	drops                   []float64
	priorities              []*priority
}

// priority has the groups that get calls by weight: localities, or all endpoints as one.
type priority struct {
	groups []*group
	turns  turns
}

// group has endpoints that are alike, or that get calls by weight.
type group struct {
	endpoints []*endpoint
	alike     bool
	next      atomic.Uint64
	turns     turns
}

// rebuild makes the balancer for new settings or endpoints. The caller holds the Client's lock.
func (c *cluster) rebuild(settings *clusterSettings, a *assignment) {
	if c.settings == settings && c.members == a {
		return
	}
	c.settings, c.members, c.failed = settings, a, ""
	b := &balancer{unread: settings.unread, balancing: settings.balancing, maxRequests: settings.maxRequests, maxRetries: settings.maxRetries, connectTimeout: settings.connectTimeout, outliers: settings.outliers, ratios: settings.ratios, drops: a.drops}
	kept := map[string]*endpoint{}
	for _, localities := range a.priorities {
		if !b.balancing.localities {
			localities = []localityOf{together(localities)}
		}
		p := &priority{}
		for _, l := range localities {
			p.groups = append(p.groups, c.group(l, kept, b.balancing.choice))
			p.turns.weights = append(p.turns.weights, int64(l.weight))
		}
		b.priorities = append(b.priorities, p)
	}
	c.endpoints = kept
	c.forget(settings.reported)
	c.current.Store(b)
}

// fail makes all calls fail. The caller holds the Client's lock.
func (c *cluster) fail(why string) {
	if c.failed != why {
		c.settings, c.members, c.failed = nil, nil, why
		c.current.Store(&balancer{unread: why})
	}
}

func together(localities []localityOf) localityOf {
	all := localityOf{weight: 1}
	for _, l := range localities {
		all.members = append(all.members, l.members...)
	}
	return all
}

func (c *cluster) group(l localityOf, kept map[string]*endpoint, how choice) *group {
	g := &group{alike: true}
	for _, m := range l.members {
		e := kept[m.address]
		if e == nil {
			of := c.tallyOf(m.zone)
			if e = c.endpoints[m.address]; e == nil || e.tally != of {
				e = &endpoint{address: m.address, tally: of}
				if c.endpoints != nil {
					e.since = time.Now()
				}
			}
			kept[m.address] = e
		}
		g.endpoints = append(g.endpoints, e)
		g.turns.weights = append(g.turns.weights, int64(m.weight))
		g.alike = g.alike && m.weight == l.members[0].weight
	}
	g.next.Store(rand.Uint64N(uint64(len(g.endpoints)))) //nolint:gosec // no secret
	if how == pickFirst {
		slices.SortStableFunc(g.endpoints, byPreference)
	}
	return g
}

// seed differs between processes, so that not all prefer the same endpoint.
var seed = maphash.MakeSeed()

func byPreference(a, b *endpoint) int {
	if maphash.String(seed, a.address) < maphash.String(seed, b.address) {
		return -1
	}
	return 1
}

// pick chooses an endpoint that was not tried. Endpoints that could not be reached lately come last. The hash is for clusters that
// choose by it.
func (c *cluster) pick(tried []*endpoint, hash uint64) (*endpoint, error) {
	b := c.current.Load()
	switch {
	case b == nil:
		return nil, status.Errorf(codes.Unavailable, "xds: cluster %s is not known yet", c.name)
	case b.unread != "":
		return nil, status.Errorf(codes.Unavailable, "xds: cluster %s has %s", c.name, b.unread)
	case len(b.priorities) == 0:
		return nil, status.Errorf(codes.Unavailable, "xds: cluster %s has no endpoints", c.name)
	}
	for _, share := range b.drops {
		if rand.Float64() < share { //nolint:gosec // no secret
			c.dropped.Add(1)
			return nil, status.Errorf(codes.Unavailable, "xds: the control plane has a share of the calls to %s dropped", c.name)
		}
	}
	now := time.Now().UnixNano()
	for _, usable := range []func(*endpoint) bool{
		func(e *endpoint) bool { return !e.rests(now) && !slices.Contains(tried, e) },
		func(e *endpoint) bool { return !slices.Contains(tried, e) },
		func(*endpoint) bool { return true },
	} {
		for _, p := range b.priorities {
			if hash != 0 && b.balancing.choice == byHash {
				if e := p.hashed(hash, usable); e != nil {
					return e, nil
				}
			} else if e := p.pick(b.balancing, usable); e != nil {
				return e, nil
			}
		}
	}
	return nil, status.Errorf(codes.Unavailable, "xds: cluster %s has no endpoints", c.name)
}

// hasOther reports whether there is an endpoint that was not tried.
func (c *cluster) hasOther(tried []*endpoint) bool {
	other := func(e *endpoint) bool { return !slices.Contains(tried, e) }
	b := c.current.Load()
	return b != nil && slices.ContainsFunc(b.priorities, func(p *priority) bool { return p.has(other) })
}

// admit counts a call, unless as many as allowed are under way.
func (c *cluster) admit() error {
	n := c.inFlight.Add(1)
	if b := c.current.Load(); b != nil && n > b.maxRequests {
		c.inFlight.Add(-1)
		c.dropped.Add(1)
		return status.Errorf(codes.Unavailable, "xds: cluster %s has %d calls under way, which is its limit", c.name, b.maxRequests)
	}
	return nil
}

func (c *cluster) connectTimeout() time.Duration {
	if b := c.current.Load(); b != nil {
		return b.connectTimeout
	}
	return 0
}

// mayRetry reports whether one more retry is within the limit.
func (c *cluster) mayRetry() bool {
	b := c.current.Load()
	return b != nil && (b.maxRetries < 0 || c.retries.Load() < b.maxRetries)
}

func (p *priority) pick(how balancing, usable func(*endpoint) bool) *endpoint {
	// Without this no turn would be fair: a search in vain would spend one.
	if !p.has(usable) {
		return nil
	}
	first := p.turns.next()
	for i := range p.groups {
		// If the group whose turn it is has no usable endpoint, the next ones have their turn.
		if e := p.groups[(first+i)%len(p.groups)].pick(how, usable); e != nil {
			return e
		}
	}
	return nil
}

func (p *priority) has(usable func(*endpoint) bool) bool {
	return slices.ContainsFunc(p.groups, func(g *group) bool { return g.has(usable) })
}

func (g *group) has(usable func(*endpoint) bool) bool {
	return slices.ContainsFunc(g.endpoints, usable)
}

func (g *group) pick(how balancing, usable func(*endpoint) bool) *endpoint {
	if !g.has(usable) {
		return nil
	}
	e := g.choose(how, usable)
	if how.warmup.window > 0 {
		now := time.Now()
		// If all of them warm up, the last one takes the call.
		for range len(g.endpoints) * 4 {
			if e != nil && how.warmup.passes(e, now) {
				break
			}
			e = g.choose(how, usable)
		}
	}
	return e
}

func (g *group) choose(how balancing, usable func(*endpoint) bool) *endpoint {
	switch how.choice {
	case pickFirst:
		return g.from(0, usable)
	case leastRequest:
		return g.least(how.samples, usable)
	case atRandom, byHash:
		return g.from(rand.IntN(len(g.endpoints)), usable) //nolint:gosec // no secret
	case roundRobin:
	}
	if g.alike {
		return g.from(int(g.next.Add(1)%uint64(len(g.endpoints))), usable)
	}
	return g.from(g.turns.next(), usable)
}

// from returns the first usable endpoint from a position on.
func (g *group) from(position int, usable func(*endpoint) bool) *endpoint {
	for i := range g.endpoints {
		if e := g.endpoints[(position+i)%len(g.endpoints)]; usable(e) {
			return e
		}
	}
	return nil
}

// least compares a few endpoints at random by the calls under way.
func (g *group) least(samples int, usable func(*endpoint) bool) *endpoint {
	var best *endpoint
	for range samples {
		e := g.from(rand.IntN(len(g.endpoints)), usable) //nolint:gosec // no secret
		if best == nil || e != nil && e.inFlight.Load() < best.inFlight.Load() {
			best = e
		}
	}
	return best
}

// turns gives turns by weight, as evenly as possible.
type turns struct {
	weights []int64
	mu      sync.Mutex
	credit  []int64
}

func (t *turns) next() int {
	if len(t.weights) == 1 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.credit == nil {
		t.credit = make([]int64, len(t.weights))
		for i, w := range t.weights {
			t.credit[i] = rand.Int64N(w + 1) //nolint:gosec // no secret; clients do not begin alike
		}
	}
	best, total := 0, int64(0)
	for i, w := range t.weights {
		t.credit[i] += w
		total += w
		if t.credit[i] > t.credit[best] {
			best = i
		}
	}
	t.credit[best] -= total
	return best
}
