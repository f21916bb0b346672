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

// client is a stream that asks for what a gRPC client asks for that dials some services: their listeners, the routes that these
// name, the clusters that the routes name, and the endpoints of the clusters. It keeps what it has when the stream ends, and returns.
type client struct {
	fleet *fleet
	id    int
	asked [kindCount]subscription
	// configured is when it first had everything, in nanoseconds since the fleet's start, and back when the last stream was first answered.
	configured, back atomic.Int64
}

// The back-off of gRPC clients.
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
			continue // a stream that worked is opened again at once
		}
		pause(ctx, time.Duration(float64(backoff)*(0.8+0.4*rand.Float64()))) //nolint:gosec // jitter
		backoff = min(time.Duration(float64(backoff)*backoffFactor), maxBackoff)
		c.fleet.reopened.Add(1)
	}
}

// stream opens one, asks for everything known so far, and reads until it ends. It says whether anything was received.
func (c *client) stream(ctx context.Context) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrive, err := c.fleet.door.enter(ctx)
	if err != nil {
		return false, err
	}
	defer arrive()
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
			c.back.Store(int64(r.at.Sub(c.fleet.started)))
			arrive()
		}
		if err := c.take(stream, r); err != nil {
			return answered, cause(stream, err)
		}
	}
}

// begin asks for what is known, kind by kind. The first request says who asks.
func (c *client) begin(stream grpc.ClientStream) error {
	node := c.fleet.node(c.id)
	for k := range kindCount {
		sub := &c.asked[k]
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

// take keeps what a response brings, acknowledges it, and asks for what it leads to.
func (c *client) take(stream grpc.ClientStream, r *response) error {
	k, err := kindOf(r.typeURL)
	if err != nil {
		c.fleet.invalid.Add(1)
		return err
	}
	sub := &c.asked[k]
	unchanged, unchangedBytes := 0, 0
	for _, now := range r.resources {
		before := sub.held[now.name]
		if before == now {
			unchanged++
			unchangedBytes += now.size
			continue
		}
		sub.held[now.name] = now
		if before != nil && now.service >= 0 && now.marker > before.marker {
			c.fleet.ledger.received(subject{k, now.service}, before.marker, now.marker, r.at)
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
	if err := c.follow(stream, k); err != nil {
		return err
	}
	if c.configured.Load() == 0 && c.complete() {
		c.configured.Store(int64(r.at.Sub(c.fleet.started)))
		c.fleet.arrived.Add(1)
	}
	return nil
}

// follow asks for the names that a kind leads to, if they are others than before.
func (c *client) follow(stream grpc.ClientStream, from kind) error {
	for to := from + 1; to < kindCount; to++ {
		var names []string
		for k := range to {
			for _, name := range c.asked[k].names {
				if r := c.asked[k].held[name]; r != nil {
					names = append(names, r.leads[to]...)
				}
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		sub := &c.asked[to]
		if slices.Equal(names, sub.names) {
			continue
		}
		sub.names = names
		for name := range sub.held {
			if _, wanted := slices.BinarySearch(names, name); !wanted {
				delete(sub.held, name)
			}
		}
		if err := stream.SendMsg(sub.request(to)); err != nil {
			return err
		}
	}
	return nil
}

// complete says whether the client has all that it asks for, and knows all that it needs.
func (c *client) complete() bool {
	for k := range c.asked {
		sub := &c.asked[k]
		if kind(k) != routes && len(sub.names) == 0 {
			return false
		}
		for _, name := range sub.names {
			if sub.held[name] == nil {
				return false
			}
		}
	}
	return true
}

// cause is why a stream cannot be written to: only reading says it.
func cause(stream grpc.ClientStream, err error) error {
	if errors.Is(err, io.EOF) {
		return stream.RecvMsg(&response{catalog: newCatalogue(false)})
	}
	return err
}
