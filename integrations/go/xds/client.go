package xds

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// Options are for NewClient. The zero value is right for most processes.
type Options struct {
	// Bootstrap is read from the environment if it is nil.
	Bootstrap *Bootstrap
	// Patience is how long a call waits for the first answer about a host; 15 s if it is zero, as in gRPC.
	Patience time.Duration
	// Logger is slog.Default() if it is nil.
	Logger *slog.Logger
	// HTTP is set for clients of plain HTTP, whose rules see methods, paths and queries: Exchange makes their calls. Do and Open
	// are for RPC frameworks. A process with both needs a Client for each.
	HTTP bool
}

// Client is a client of the mesh. It is safe for concurrent use. A process needs one.
type Client struct {
	boot *Bootstrap
	// node is the bootstrap's, with what this Client is.
	node     *corev3.Node
	http     bool
	patience time.Duration
	logger   *slog.Logger
	// more wakes the stream when a host is new, and asked the reports when something came.
	more, asked chan struct{}
	stop        context.CancelFunc
	// done is closed when the stream has ended for good.
	done chan struct{}

	// called are the hosts by name, for calls, which take no lock.
	called sync.Map

	mu sync.Mutex
	store
	// outage is why there is no stream; empty while there is one.
	outage string
}

// maxHosts bounds the hosts of one process, so that names from outside cannot fill the memory.
const maxHosts = 10_000

// NewClient connects in the background. It fails only if the bootstrap is not valid. Close ends it.
func NewClient(o Options) (*Client, error) {
	if o.Bootstrap == nil {
		var err error
		if o.Bootstrap, err = BootstrapFromEnvironment(); err != nil {
			return nil, err
		}
	}
	if o.Patience <= 0 {
		o.Patience = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{
		boot: o.Bootstrap, node: o.Bootstrap.nodeOf(o.HTTP), http: o.HTTP, patience: o.Patience, logger: o.Logger,
		more: make(chan struct{}, 1), asked: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), store: newStore(),
	}
	go func() {
		defer close(c.done)
		c.run(ctx)
	}()
	return c, nil
}

// Close ends the stream, and waits for its end. Calls of hosts that are known go on; others fail.
func (c *Client) Close() {
	c.stop()
	<-c.done
}

// Watch subscribes to a host before it is called, and waits for the answer. Applications that call it at their start find
// out early that a name does not exist.
func (c *Client) Watch(ctx context.Context, name string) error {
	_, err := c.table(ctx, name)
	if err != nil {
		return fmt.Errorf("xds: %s: %w", name, err)
	}
	return nil
}

// host returns a host, which is subscribed to from now on.
func (c *Client) host(name string) (*host, error) {
	if h, ok := c.called.Load(name); ok {
		return h.(*host), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hosts[name]; h != nil {
		return h, nil
	}
	if len(c.hosts) >= maxHosts {
		return nil, fmt.Errorf("this process called %d hosts, which is the most", maxHosts)
	}
	h := &host{name: name, ready: make(chan struct{})}
	c.hosts[name] = h
	c.called.Store(name, h)
	c.refresh()
	select {
	case c.more <- struct{}{}:
	default:
	}
	return h, nil
}

// missing says what a host waits for.
func (c *Client) missing(h *host) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outage != "" {
		return "the control plane cannot be reached: " + c.outage
	}
	for k := range c.known {
		for name, r := range c.known[k] {
			if !r.settled() && (kind(k) != listeners || name == h.name) {
				return fmt.Sprintf("the control plane did not answer for the %s %s", kindTable[k].name, name)
			}
		}
	}
	return "the control plane did not answer"
}
