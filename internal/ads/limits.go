package ads

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limits keep clients from harming others. The zero value of a field means no limit.
type Limits struct {
	// Streams is the maximum number of open streams; further ones are rejected until some end.
	Streams int
	// StreamsPerClient is the maximum number of open streams of one client with a verified identity.
	StreamsPerClient int
	// OpeningsPerSecond is the average number of streams that are opened on one connection in a second, after as many at once as it
	// may have. Further ones wait.
	OpeningsPerSecond int
	// RequestsPerSecond is the average number of requests of one stream that are read in a second; a burst may be
	// twenty times as large. Further requests wait.
	RequestsPerSecond int
	// FirstResponses is the maximum number of streams for which the first response is made at the same time. Other
	// streams wait; clients without configuration are served before clients that have one.
	FirstResponses int
}

// DefaultLimits are far above what gRPC clients need.
var DefaultLimits = Limits{Streams: 50_000, StreamsPerClient: 100, OpeningsPerSecond: 10, RequestsPerSecond: 100, FirstResponses: 128}

// requestBurst is the size of a burst, in seconds of RequestsPerSecond: a client that starts sends many requests.
const requestBurst = 20

// maxFirstResponse is the longest time for which a stream blocks others with its first response. A stream has no
// first response if it subscribes to nothing that is served, or if its client does not read.
const maxFirstResponse = time.Second

// limiter returns the rate limiter for the requests of one stream; nil means no limit.
func (l Limits) limiter() *rate.Limiter {
	if l.RequestsPerSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(l.RequestsPerSecond), requestBurst*l.RequestsPerSecond)
}

// streamCounter counts the open streams, in total and for each client.
type streamCounter struct {
	limits Limits

	// mu protects the fields below.
	mu        sync.Mutex
	total     int
	perClient map[string]int
}

func newStreamCounter(limits Limits) *streamCounter {
	return &streamCounter{limits: limits, perClient: map[string]int{}}
}

// add counts a stream, before its client is known. The caller must call remove at its end.
func (c *streamCounter) add() (remove func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit := c.limits.Streams; limit > 0 && c.total >= limit {
		return nil, status.Errorf(codes.ResourceExhausted, "the control plane serves %d streams and takes no more: add replicas, or raise --max-streams", limit)
	}
	c.total++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
	}, nil
}

// addFor counts a stream for an authenticated client; an empty client is not counted. The caller must call remove at
// the stream's end.
func (c *streamCounter) addFor(client string) (remove func(), err error) {
	if client == "" {
		return func() {}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit := c.limits.StreamsPerClient; limit > 0 && c.perClient[client] >= limit {
		return nil, status.Errorf(codes.ResourceExhausted, "%s has %d streams open and may have no more: share one client among channels, or raise --max-streams-per-client", client, limit)
	}
	c.perClient[client]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.perClient[client]--; c.perClient[client] == 0 {
			delete(c.perClient, client)
		}
	}, nil
}

// firstResponseLimiter lets a limited number of streams pass at the same time. Urgent streams pass before others.
type firstResponseLimiter struct {
	// mu protects the fields below, except open, which does not change.
	mu               sync.Mutex
	free             int
	open             bool
	urgent, deferred []chan struct{}
}

// newFirstResponseLimiter makes a limiter with that many slots; 0 means no limit.
func newFirstResponseLimiter(slots int) *firstResponseLimiter {
	return &firstResponseLimiter{free: slots, open: slots == 0}
}

// acquire waits for a slot. release frees the slot; it may be called more than once.
func (g *firstResponseLimiter) acquire(ctx context.Context, urgent bool) (release func(), err error) {
	if g.open {
		return func() {}, nil
	}
	turn := g.queue(urgent)
	select {
	case <-turn:
		return sync.OnceFunc(g.release), nil
	case <-ctx.Done():
		g.cancel(turn)
		return nil, ctx.Err()
	}
}

// queue returns a channel that is closed when the caller has a slot.
func (g *firstResponseLimiter) queue(urgent bool) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	turn := make(chan struct{})
	switch {
	case g.free > 0:
		g.free--
		close(turn)
	case urgent:
		g.urgent = append(g.urgent, turn)
	default:
		g.deferred = append(g.deferred, turn)
	}
	return turn
}

func (g *firstResponseLimiter) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&g.urgent, &g.deferred} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = (*queue)[1:]
			return
		}
	}
	g.free++
}

// cancel removes a waiting stream from its queue. If the stream already has a slot, cancel frees it.
func (g *firstResponseLimiter) cancel(turn chan struct{}) {
	g.mu.Lock()
	for _, queue := range []*[]chan struct{}{&g.urgent, &g.deferred} {
		for i, other := range *queue {
			if other == turn {
				*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
				g.mu.Unlock()
				return
			}
		}
	}
	g.mu.Unlock()
	g.release()
}
