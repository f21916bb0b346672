package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const method = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"

// client is a stream that subscribes as a gRPC client does that dials some services: to their Listeners, the routes
// that these name, the clusters that the routes name, and the endpoints of the clusters. Or it subscribes as a gRPC
// server does: to its Listener, and the routes that this names. It keeps its resources when
// the stream ends, and reconnects.
type client struct {
	fleet         *fleet
	id            int
	subscriptions [kindCount]subscription
	// configured is when it first had all resources, and reconnected is when its latest stream got the first
	// response: both in nanoseconds since the start of the fleet.
	configured, reconnected atomic.Int64
}

// The backoff of gRPC clients.
const (
	firstBackoff  = time.Second
	backoffFactor = 1.6
	maxBackoff    = 2 * time.Minute
)

// run keeps a stream open until ctx ends.
func (c *client) run(ctx context.Context) {
	for backoff := firstBackoff; ctx.Err() == nil; {
		answered, err := c.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if status.Code(err) == codes.ResourceExhausted {
			c.fleet.refused.Add(1)
		} else {
			c.fleet.ended.Add(1)
		}
		if answered {
			backoff = firstBackoff
			continue // a stream that worked is reopened immediately
		}
		pause(ctx, time.Duration(float64(backoff)*(0.8+0.4*rand.Float64()))) //nolint:gosec // jitter
		backoff = min(time.Duration(float64(backoff)*backoffFactor), maxBackoff)
		c.fleet.reopened.Add(1)
	}
}

// stream opens a stream, subscribes to all known names, and reads until the stream ends. It reports whether a
// response was received.
func (c *client) stream(ctx context.Context) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	release, err := c.fleet.connecting.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	stream, err := c.fleet.conn(c.id).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.ForceCodecV2(codec{}))
	if err != nil {
		return false, err
	}
	if err := c.begin(stream); err != nil {
		return false, cause(stream, err)
	}
	r := &response{catalog: c.fleet.catalog}
	for {
		if err := stream.RecvMsg(r); err != nil {
			return answered, err
		}
		if !answered {
			answered = true
			c.reconnected.Store(int64(r.at.Sub(c.fleet.started)))
			release()
		}
		if err := c.take(stream, r); err != nil {
			return answered, cause(stream, err)
		}
	}
}

// begin subscribes to the known names of each kind. The first request contains the node.
func (c *client) begin(stream grpc.ClientStream) error {
	node := c.fleet.node(c.id)
	for k := range kindCount {
		sub := &c.subscriptions[k]
		sub.nonce = ""
		if len(sub.names) == 0 {
			continue
		}
		req := sub.request(k)
		req.Node, node = node, nil
		if err := stream.SendMsg(req); err != nil {
			return err
		}
	}
	return nil
}

// take stores the resources of a response, acknowledges it, and subscribes to the names that they refer to.
func (c *client) take(stream grpc.ClientStream, r *response) error {
	k, err := kindOf(r.typeURL)
	if err != nil {
		c.fleet.invalid.Add(1)
		return err
	}
	sub := &c.subscriptions[k]
	unchanged, unchangedBytes := 0, 0
	for _, now := range r.resources {
		before := sub.resources[now.name]
		if before == now {
			unchanged++
			unchangedBytes += now.size
			continue
		}
		sub.resources[now.name] = now
		if before != nil && now.service >= 0 && now.marker > before.marker {
			c.fleet.ledger.received(now.subject(), before.marker, now.marker, r.at)
		}
	}
	if k == listeners || k == clusters {
		sub.forget(r.resources)
	}
	c.fleet.count(k, r, unchanged, unchangedBytes)
	sub.version, sub.nonce = r.version, r.nonce
	if err := stream.SendMsg(sub.request(k)); err != nil {
		return err
	}
	if err := c.subscribeNext(stream, k); err != nil {
		return err
	}
	if c.configured.Load() == 0 && c.complete() {
		c.configured.Store(int64(r.at.Sub(c.fleet.started)))
		c.fleet.arrived.Add(1)
	}
	return nil
}

// subscribeNext subscribes to the names that the resources of a kind refer to, if they have changed.
func (c *client) subscribeNext(stream grpc.ClientStream, from kind) error {
	for to := from + 1; to < kindCount; to++ {
		var names []string
		for k := range to {
			for _, name := range c.subscriptions[k].names {
				if r := c.subscriptions[k].resources[name]; r != nil {
					names = append(names, r.references[to]...)
				}
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		sub := &c.subscriptions[to]
		if slices.Equal(names, sub.names) {
			continue
		}
		sub.names = names
		for name := range sub.resources {
			if _, wanted := slices.BinarySearch(names, name); !wanted {
				delete(sub.resources, name)
			}
		}
		if err := stream.SendMsg(sub.request(to)); err != nil {
			return err
		}
	}
	return nil
}

// complete reports whether the client has all resources that it subscribes to, of all kinds that it needs.
func (c *client) complete() bool {
	for k := range c.subscriptions {
		sub := &c.subscriptions[k]
		if len(sub.names) == 0 && c.fleet.o.needs(kind(k)) {
			return false
		}
		for _, name := range sub.names {
			if sub.resources[name] == nil {
				return false
			}
		}
	}
	return true
}

// cause returns the reason why sending failed, which only receiving returns.
func cause(stream grpc.ClientStream, err error) error {
	if errors.Is(err, io.EOF) {
		return stream.RecvMsg(&response{catalog: newCatalog(false)})
	}
	return err
}
