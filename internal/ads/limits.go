package ads

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limits keep clients from harming others. The zero value of each means no limit.
type Limits struct {
	// Streams is how many may be open; further ones are refused until some end.
	Streams int
	// StreamsPerClient is how many may be open of one client that has proved who it is.
	StreamsPerClient int
	// RequestsPerSecond is how many requests of one stream are read on average, and twenty times as many at once. Others wait.
	RequestsPerSecond int
	// FirstResponses is how many streams may be in the making of their first answer. Others wait, those with nothing yet before
	// those that hold a configuration already.
	FirstResponses int
}

// DefaultLimits are far above what gRPC clients need.
var DefaultLimits = Limits{Streams: 50_000, StreamsPerClient: 100, RequestsPerSecond: 100, FirstResponses: 128}

// requestBurst is how many seconds' worth of requests may come at once: a client that starts asks for much.
const requestBurst = 20

// maxFirstResponse is how long a stream may keep others waiting with its first answer. One that asks for nothing that is served, or does not
// read what it is sent, has none.
const maxFirstResponse = time.Second

// limiter is for the requests of one stream.
func (l Limits) limiter() *rate.Limiter {
	if l.RequestsPerSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(l.RequestsPerSecond), requestBurst*l.RequestsPerSecond)
}

// streamCounter counts the open streams.
type streamCounter struct {
	limits Limits

	// mu protects what follows.
	mu        sync.Mutex
	total     int
	perClient map[string]int
}

func newStreamCounter(limits Limits) *streamCounter {
	return &streamCounter{limits: limits, perClient: map[string]int{}}
}

// add counts a stream of somebody. remove must be called at its end.
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

// addFor counts a stream for the client whose it turned out to be, client is empty when nothing is proved. remove must be called
// at its end.
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

// firstResponseLimiter lets a few through at a time. Who is urgent passes those who are not.
type firstResponseLimiter struct {
	// mu protects what follows.
	mu               sync.Mutex
	free             int
	open             bool
	urgent, deferred []chan struct{}
}

// newFirstResponseLimiter makes one for that many at a time; 0 lets everybody through.
func newFirstResponseLimiter(slots int) *firstResponseLimiter {
	return &firstResponseLimiter{free: slots, open: slots == 0}
}

// acquire waits for a place. release gives it back, and may be called more than once.
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

// queue returns what is closed when it is one's turn.
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

// cancel leaves the queue, or hands the place on if it came at the last moment.
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
