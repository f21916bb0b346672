package xds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Call is what routes look at.
type Call struct {
	// Host is what the application dials: a name of the mesh, with the port, such as echo.shop:8080.
	Host string
	// Path is /SERVICE/METHOD. Of a plain HTTP call it is the path as it is sent, without the query.
	Path string
	// Header returns the value of a header by its name in lower case; several values are joined by commas. It may be nil.
	Header func(name string) (value string, present bool)
	// HTTP has what only plain HTTP calls have; nil for others.
	HTTP *HTTP
}

// header returns a header, or one of the parts of an HTTP call that Envoy's API names like headers.
func (c Call) header(name string) (string, bool) {
	if strings.HasPrefix(name, ":") {
		return c.HTTP.part(name, c.Path)
	}
	if c.Header == nil {
		return "", false
	}
	return c.Header(name)
}

// Outcome is how an attempt ended.
type Outcome struct {
	// Err is what the framework returns to the application.
	Err error
	// Unreached is set if no connection could be made, so the server saw nothing of the call.
	Unreached bool
	// Code is the status, in frameworks that have gRPC's. Rules say which are tried again.
	Code codes.Code
	// Status is the status of the HTTP response; 0 if there is none.
	Status int
	// unsent is set if there was no endpoint to call, or if the caller ended the call.
	unsent bool
}

// Route is the destination of one call.
type Route struct {
	// Timeout is the rule's limit on the whole call; zero means none.
	Timeout time.Duration
	cluster *cluster
	fault   *fault
	retry   *retryPolicy
	tried   []*endpoint
	// hash chooses the endpoint in clusters that are balanced by it; 0 if the call has none.
	hash uint64
	// isHTTP is set if the ends of calls in a row decide which endpoints are left out, and not shares of them.
	isHTTP bool
	// isStream is set if an attempt ends when its stream is open, which says nothing of the endpoint.
	isStream bool
}

// Route finds the destination. It waits until the control plane answered about the host, for as long as the context lasts,
// and Options.Patience at the longest. An error is a gRPC status, mostly UNAVAILABLE.
func (c *Client) Route(ctx context.Context, call Call) (*Route, error) {
	t, found, err := c.find(ctx, call)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "xds: %s: %v", call.Host, err)
	}
	r := t.aim(found, found.choose())
	r.hash = hashOf(found.http.hashes, call)
	return r, nil
}

// find returns the route of a call.
func (c *Client) find(ctx context.Context, call Call) (*table, *route, error) {
	if c.http != (call.HTTP != nil) {
		return nil, nil, errors.New("a Client with Options.HTTP is for plain HTTP calls, and one without it for calls of RPC frameworks")
	}
	t, err := c.table(ctx, call.Host)
	if err != nil {
		return nil, nil, err
	}
	found, err := t.routes.find(call)
	return t, found, err
}

// aim makes the Route to a destination.
func (t *table) aim(r *route, to share) *Route {
	return &Route{Timeout: r.timeout, cluster: t.clusters[to.cluster], fault: to.fault, retry: r.retry}
}

// Target is where one attempt goes.
type Target struct {
	// Address is HOST:PORT. HOST is an IP address, or a name in clusters that are found by DNS.
	Address string
	// Cluster is the name of the cluster, such as outbound|8080|v1|echo.shop.svc.cluster.local.
	Cluster string
	// ConnectTimeout limits an attempt to connect; zero means that the cluster has no limit.
	ConnectTimeout time.Duration
}

// Begin injects the rule's faults into the first attempt, and chooses an endpoint. The caller calls end when the attempt
// ended.
func (r *Route) Begin(ctx context.Context) (to Target, end func(Outcome), err error) {
	if err := r.inject(ctx); err != nil {
		return Target{}, nil, err
	}
	e, err := r.cluster.pick(r.tried, r.hash)
	if err != nil {
		return Target{}, nil, err
	}
	if err := r.cluster.admit(); err != nil {
		return Target{}, nil, err
	}
	r.tried = append(r.tried, e)
	e.inFlight.Add(1)
	e.tally.underWay.Add(1)
	return Target{e.address, r.cluster.name, r.cluster.connectTimeout()}, func(o Outcome) {
		e.inFlight.Add(-1)
		e.tally.end(o)
		r.cluster.inFlight.Add(-1)
		if o.Unreached {
			e.connectFailed(time.Now())
		} else {
			e.connected()
		}
		switch {
		case r.isHTTP:
			r.cluster.judge(e, o, time.Now())
		case !r.isStream && !o.Unreached:
			r.cluster.count(e, o.Err != nil, time.Now())
		}
	}, nil
}

// inject injects the rule's faults once. The rule's timeout begins after their delay, as in Envoy, gRPC Go and gRPC Java.
func (r *Route) inject(ctx context.Context) error {
	f := r.fault
	r.fault = nil
	return f.inject(ctx)
}

// maxUnreached bounds the endpoints that one call tries to reach.
const maxUnreached = 5

// Do makes a call: it finds the route, and calls once for each attempt. An endpoint that cannot be reached is replaced by
// another one. If none can, that is the status UNAVAILABLE. A failed call is tried again if the rule says so.
func (c *Client) Do(ctx context.Context, call Call, once func(ctx context.Context, to Target) Outcome) error {
	r, err := c.Route(ctx, call)
	if err == nil {
		err = r.inject(ctx)
	}
	if err != nil {
		return err
	}
	if r.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, r.Timeout)
		defer cancel()
		ctx = limited
	}
	for retries := 0; ; retries++ {
		outcome := r.reach(ctx, once)
		if outcome.Err == nil || ctx.Err() != nil {
			return outcome.Err
		}
		wait, again := r.retry.wait(retries, outcome.Code)
		if !again || sleep(ctx, wait) != nil {
			return outcome.Err
		}
	}
}

// Open is Do for streams: once opens one. The rule's timeout ends the stream. An open stream is not tried again, and does
// not count as a call under way.
func (c *Client) Open(ctx context.Context, call Call, once func(ctx context.Context, to Target) Outcome) error {
	r, err := c.Route(ctx, call)
	if err == nil {
		err = r.inject(ctx)
	}
	if err != nil {
		return err
	}
	r.isStream = true
	if r.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, r.Timeout)
		context.AfterFunc(limited, cancel)
		ctx = limited
	}
	return r.reach(ctx, once).Err
}

// reach makes one attempt, at another endpoint while one cannot be reached and there is another one.
func (r *Route) reach(ctx context.Context, once func(ctx context.Context, to Target) Outcome) Outcome {
	for unreached := 1; ; unreached++ {
		to, end, err := r.Begin(ctx)
		if err != nil {
			return Outcome{Err: err}
		}
		outcome := once(ctx, to)
		end(outcome)
		if !outcome.Unreached {
			return outcome
		}
		if unreached == maxUnreached || ctx.Err() != nil || !r.cluster.hasOther(r.tried) {
			outcome.Code = codes.Unavailable
			return outcome
		}
	}
}

// errClosed is the error of calls of a Client that was closed.
var errClosed = errors.New("the client of the mesh is closed")

// table waits for the first table of a host.
func (c *Client) table(ctx context.Context, name string) (*table, error) {
	h, err := c.host(name)
	if err != nil {
		return nil, err
	}
	t := h.active.Load()
	if t == nil {
		timer := time.NewTimer(c.patience)
		defer timer.Stop()
		select {
		case <-h.ready:
			t = h.active.Load()
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; %s", ctx.Err(), c.missing(h))
		case <-timer.C:
			return nil, errors.New(c.missing(h))
		case <-c.done:
			return nil, errClosed
		}
	}
	return t, t.err
}
