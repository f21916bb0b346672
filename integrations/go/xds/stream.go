package xds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
)

// A stream that ends is opened again after up to firstPause, and after longer if nothing came.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// largestResponse bounds one response.
	largestResponse = 64 << 20
	// A connection without a sign of life for pingAfter and pongWithin is given up.
	pingAfter, pongWithin = 30 * time.Second, 20 * time.Second
)

// run keeps a stream open, from the first host on. It uses the servers of the bootstrap in order: the next one while the ones
// before cannot be reached.
func (c *Client) run(ctx context.Context) {
	select {
	case <-c.more:
	case <-ctx.Done():
		return
	}
	pause, at := firstPause, 0
	for {
		answered, err := c.stream(ctx, c.boot.servers[at])
		if ctx.Err() != nil {
			return
		}
		c.lost(c.boot.servers[at].target, err)
		if answered {
			pause, at = firstPause, 0
		} else if at++; at < len(c.boot.servers) {
			continue
		} else {
			at = 0
		}
		// All of it is random but the first tenth: clients of one control plane must not come back at once.
		if sleep(ctx, pause/10+time.Duration(rand.Int64N(int64(pause)))) != nil { //nolint:gosec // no secret
			return
		}
		if !answered {
			pause = min(pause*3/2, longestPause)
		}
	}
}

// lost notes why there is no stream. It is logged once for each reason, and what is known stays in use.
func (c *Client) lost(target string, err error) {
	text := fmt.Sprintf("%s: %v", target, err)
	c.mu.Lock()
	known := c.outage == text
	c.outage = text
	c.mu.Unlock()
	if !known {
		c.logger.Warn("the stream to the control plane ended; calls go on with what is known", "server", target, "error", err)
	}
}

// stream is one stream, from its beginning to its end. It reports whether anything came.
func (c *Client) stream(ctx context.Context, s server) (answered bool, err error) {
	options, err := s.options()
	if err != nil {
		return false, err
	}
	conn, err := grpc.NewClient(s.target, append(options,
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pongWithin}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestResponse)),
	)...)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	var reports sync.WaitGroup
	defer reports.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reports.Go(func() { c.keepReporting(ctx, conn) })
	ads, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return false, err
	}
	responses := receive(ctx, ads.Recv)
	o := opened{client: c, send: ads.Send}
	for {
		if err := o.subscribe(); err != nil {
			return answered, errors.Join(err, responses.end())
		}
		select {
		case r := <-responses.messages:
			answered = true
			if err := o.receive(r); err != nil {
				return answered, errors.Join(err, responses.end())
			}
		case <-c.more:
		case err := <-responses.ended:
			return answered, err
		}
	}
}

// received are the messages of a stream, and why it ended.
type received[M any] struct {
	messages chan M
	ended    chan error
}

// receive receives until the stream or the context ends.
func receive[M any](ctx context.Context, next func() (M, error)) received[M] {
	r := received[M]{make(chan M), make(chan error, 1)}
	go func() {
		for {
			m, err := next()
			if err != nil {
				r.ended <- err
				return
			}
			select {
			case r.messages <- m:
			case <-ctx.Done():
				r.ended <- ctx.Err()
				return
			}
		}
	}()
	return r
}

// end returns why the stream ended to which nothing can be sent. A message that came meanwhile is not read any more.
func (r received[M]) end() error {
	for {
		select {
		case <-r.messages:
		case err := <-r.ended:
			return err
		}
	}
}

// opened is what was said on one stream.
type opened struct {
	client *Client
	send   func(*discoveryv3.DeltaDiscoveryRequest) error
	// asked are the names that were subscribed to, and for what: a name that was given up meanwhile is asked for again. It is
	// nil for a type of which nothing was asked yet.
	asked [kinds]map[string]*resource
	// introduced is set when the node was sent.
	introduced bool
}

// subscribe sends what changed of the names that are needed.
func (o *opened) subscribe() error {
	for k := range kinds {
		if request := o.change(k); request != nil {
			if err := o.send(request); err != nil {
				return err
			}
		}
	}
	return nil
}

// change returns the request that brings the subscription of a type in line; nil if it is.
func (o *opened) change(k kind) *discoveryv3.DeltaDiscoveryRequest {
	o.client.mu.Lock()
	defer o.client.mu.Unlock()
	request := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: kindTable[k].url}
	first := o.asked[k] == nil
	for _, name := range slices.Sorted(maps.Keys(o.client.known[k])) {
		r := o.client.known[k][name]
		if o.asked[k][name] == r {
			continue
		}
		request.ResourceNamesSubscribe = append(request.ResourceNamesSubscribe, name)
		// A control plane that has the same version sends nothing.
		if first && r.value != nil {
			if request.InitialResourceVersions == nil {
				request.InitialResourceVersions = map[string]string{}
			}
			request.InitialResourceVersions[name] = r.version
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.asked[k])) {
		if o.client.known[k][name] == nil {
			request.ResourceNamesUnsubscribe = append(request.ResourceNamesUnsubscribe, name)
			delete(o.asked[k], name)
		}
	}
	if len(request.ResourceNamesSubscribe)+len(request.ResourceNamesUnsubscribe) == 0 {
		return nil
	}
	if first {
		o.asked[k] = map[string]*resource{}
	}
	for _, name := range request.ResourceNamesSubscribe {
		o.asked[k][name] = o.client.known[k][name]
	}
	if !o.introduced {
		o.introduced, request.Node = true, o.client.node
	}
	return request
}

// receive takes a response, and acknowledges or rejects it.
func (o *opened) receive(r *discoveryv3.DeltaDiscoveryResponse) error {
	c := o.client
	answer := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}
	k := kind(slices.IndexFunc(kindTable[:], func(row kindRow) bool { return row.url == r.GetTypeUrl() }))
	if k >= kinds {
		answer.ErrorDetail = &statuspb.Status{Code: int32(codes.InvalidArgument), Message: "this client does not know the type"}
		return o.send(answer)
	}
	c.mu.Lock()
	c.outage = ""
	err := c.apply(k, r)
	c.mu.Unlock()
	select {
	case c.asked <- struct{}{}:
	default:
	}
	if err != nil {
		c.logger.Error("rejected resources of the control plane", "type", kindTable[k].name, "error", err)
		answer.ErrorDetail = &statuspb.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	}
	return o.send(answer)
}
