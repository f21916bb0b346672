package xds

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/grpc/status"
)

// HTTP has what only plain HTTP calls have.
type HTTP struct {
	// Method, Scheme and Authority are of the request; Query is as it is sent, without the question mark.
	Method, Scheme, Authority, Query string
	// Repeatable is set if the request can be sent again, which retries need.
	Repeatable bool
	// Copy makes a copy of the request, for rules that mirror calls. What it returns sends the copy, later than the call itself,
	// and drops the response; nil if there can be no copy.
	Copy func(to Attempt) (send func(context.Context))
}

// part returns what Envoy's API names like a header.
func (h *HTTP) part(name, path string) (value string, present bool) {
	if h == nil {
		return "", false
	}
	switch name {
	case ":method":
		return h.Method, true
	case ":scheme":
		return h.Scheme, true
	case ":authority":
		return h.Authority, true
	case ":path":
		if h.Query != "" {
			path += "?" + h.Query
		}
		return path, true
	}
	return "", false
}

// Answer is a response without a server: of a redirect, of a rule's direct response, or of a fault.
type Answer struct {
	Status int
	// Header has names in lower case.
	Header map[string][]string
	Body   []byte
}

// Attempt is where an HTTP request goes, and what of it changes.
type Attempt struct {
	Target
	// Path and Authority are sent in place of the call's. The authority is the header Host.
	Path, Authority string
	call            Call
	edits           edits
}

// Edit changes the headers of the request.
func (a Attempt) Edit(h Headers) { a.edits.apply(h, a.call) }

// Reply is how a call ended that did not fail.
type Reply struct {
	// Answer is the response if a rule answers the call. If it is nil, the response is the last attempt's.
	Answer *Answer
	call   Call
	edits  edits
	done   func()
}

// Edit changes the headers of the last attempt's response.
func (r *Reply) Edit(h Headers) { r.edits.apply(h, r.call) }

// Done is called when the response was read. Until then the call is under way, and the rule's timeout can end it.
func (r *Reply) Done() { r.done() }

// Exchange makes a plain HTTP call: it finds the route, and calls once for each attempt. An endpoint that cannot be reached is
// replaced by another one. A failed attempt, or one with a certain status, is repeated if the rule says so; then the response of
// the attempt before is of no use. It fails if there is no response: with the error of once, or with its own.
func (c *Client) Exchange(ctx context.Context, call Call, once func(ctx context.Context, to Attempt) Outcome) (*Reply, error) {
	call.Host = strings.ToLower(call.Host)
	t, found, err := c.find(ctx, call)
	if err != nil {
		return nil, fmt.Errorf("xds: %s: %w", call.Host, err)
	}
	x := exchange{call: call, route: found, once: once, path: call.Path}
	fault := found.fault
	if !found.http.answers() {
		x.to = found.choose()
		x.target, fault = t.aim(found, x.to), x.to.fault
		// The faults come once, before the timeout.
		x.target.fault = nil
		x.target.isHTTP, x.target.hash = true, hashOf(found.http.hashes, call)
	}
	aborted, err := fault.strikes(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("xds: %s: %w", call.Host, ctx.Err())
	case aborted:
		return &Reply{Answer: &Answer{Status: fault.status, Header: map[string][]string{"content-type": {"text/plain"}}, Body: []byte("fault filter abort")}, done: func() {}}, nil
	case found.http.answers():
		return &Reply{Answer: found.http.answer(call), done: func() {}}, nil
	}
	if found.http.rewrite != nil {
		x.path = found.http.rewrite(call.Path)
	}
	x.mirror(ctx, t)
	return x.run(ctx)
}

// answer is the response of a route without a destination.
func (a *httpAction) answer(call Call) *Answer {
	out := &Answer{Header: map[string][]string{}}
	if a.redirect != nil {
		out.Status = a.redirect.status
		out.Header["location"] = []string{a.redirect.location(call)}
	} else {
		out.Status, out.Body = a.direct.Status, a.direct.Body
	}
	if len(out.Body) > 0 {
		out.Header["content-type"] = []string{"text/plain"}
	}
	a.response.apply(headerValues(out.Header), call)
	return out
}

// exchange is one call that goes to a cluster.
type exchange struct {
	call   Call
	route  *route
	to     share
	target *Route
	path   string
	once   func(ctx context.Context, to Attempt) Outcome
}

// run makes the attempts.
func (x *exchange) run(ctx context.Context) (*Reply, error) {
	cancel := func() {}
	if x.target.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, x.target.Timeout)
	}
	retries := 0
	defer func() { x.target.cluster.retries.Add(int64(-retries)) }()
	for {
		outcome, done := x.attempt(ctx)
		wait, again := x.mayRepeat(ctx, retries, outcome)
		switch {
		case again:
			done()
			retries++
			x.target.cluster.retries.Add(1)
			if sleep(ctx, wait) == nil {
				continue
			}
			if outcome.Err == nil {
				outcome.Err = fmt.Errorf("xds: %s: the call was to be repeated after the status %d, and its time is over: %w", x.call.Host, outcome.Status, ctx.Err())
			}
		case outcome.Err == nil:
			return &Reply{call: x.call, edits: x.to.response, done: func() { done(); cancel() }}, nil
		default:
			done()
		}
		cancel()
		return nil, plain(outcome.Err)
	}
}

// mayRepeat reports whether there is another attempt, and how long to wait before it.
func (x *exchange) mayRepeat(ctx context.Context, retries int, o Outcome) (wait time.Duration, again bool) {
	if o.unsent || !x.call.HTTP.Repeatable || ctx.Err() != nil || !x.target.cluster.mayRetry() {
		return 0, false
	}
	if !x.route.retry.elsewhere {
		x.target.tried = nil
	}
	return x.route.retry.waitHTTP(retries, o)
}

// plain takes the form of gRPC from an error of the mesh.
func plain(err error) error {
	if s, ok := status.FromError(err); ok && err != nil {
		return errors.New(s.Message())
	}
	return err
}

// attempt makes one attempt, at another endpoint while one cannot be reached and there is another one. The attempt goes on
// until done is called.
func (x *exchange) attempt(ctx context.Context) (Outcome, func()) {
	for unreached := 1; ; unreached++ {
		to, end, err := x.target.Begin(ctx)
		if err != nil {
			return Outcome{Err: err, unsent: true}, func() {}
		}
		limited, cancel := ctx, func() {}
		if limit := x.route.retry.perTry; limit > 0 {
			limited, cancel = context.WithTimeout(ctx, limit)
		}
		outcome := x.once(limited, x.sent(to, x.to))
		outcome.unsent = outcome.Err != nil && errors.Is(ctx.Err(), context.Canceled)
		done := func() { end(outcome); cancel() }
		if !outcome.Unreached || unreached == maxUnreached || !x.call.HTTP.Repeatable || ctx.Err() != nil || !x.target.cluster.hasOther(x.target.tried) {
			return outcome, done
		}
		done()
	}
}

// sent is what goes to an endpoint of a destination.
func (x *exchange) sent(to Target, s share) Attempt {
	authority := s.authority
	if authority == "" {
		authority = x.call.HTTP.Authority
	}
	return Attempt{Target: to, Path: x.path, Authority: authority, call: x.call, edits: s.request}
}

// mirrorLimit bounds a copy of a call whose rule has no timeout.
const mirrorLimit = 15 * time.Second

// mirror sends the copies that the rule asks for. The call does not wait for them.
func (x *exchange) mirror(ctx context.Context, t *table) {
	if x.call.HTTP.Copy == nil {
		return
	}
	for _, m := range x.route.http.mirrors {
		if rand.Uint64N(mirrorUnit) >= m.weight { //nolint:gosec // no secret
			continue
		}
		r := t.aim(x.route, m)
		to, end, err := r.Begin(ctx)
		if err != nil {
			continue
		}
		send := x.call.HTTP.Copy(x.sent(to, m))
		if send == nil {
			end(Outcome{})
			continue
		}
		limit := r.Timeout
		if limit == 0 {
			limit = mirrorLimit
		}
		copied, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		go func() {
			defer cancel()
			send(copied)
			end(Outcome{})
		}()
	}
}
