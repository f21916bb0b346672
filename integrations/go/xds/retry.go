package xds

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/grpc/codes"
)

// retryPolicy says which failed calls are tried again.
type retryPolicy struct {
	// codes are for calls with gRPC's statuses. http and statuses are for plain HTTP calls.
	codes     []codes.Code
	http      map[string]bool
	statuses  []uint32
	attempts  int
	base, max time.Duration
	// perTry limits an attempt of a plain HTTP call; zero means not at all.
	perTry time.Duration
	// elsewhere is set if a retry of a plain HTTP call goes to an endpoint that was not tried.
	elsewhere bool
}

// retriedCodes are the conditions that gRPC supports. It ignores the others, which are statuses of HTTP.
var retriedCodes = map[string]codes.Code{
	"cancelled": codes.Canceled, "deadline-exceeded": codes.DeadlineExceeded, "internal": codes.Internal,
	"resource-exhausted": codes.ResourceExhausted, "unavailable": codes.Unavailable,
}

// retriedHTTP are the conditions of plain HTTP calls. In HTTP/1.1 there are no refused streams.
var retriedHTTP = []string{"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", "retriable-status-codes"}

// previousHosts is the predicate that has retries go to another endpoint.
const previousHosts = "envoy.retry_host_predicates.previous_hosts"

// maxRetries bounds what a policy may ask for in RPC frameworks, as in gRPC, where a call has at most 5 attempts.
const maxRetries = 4

func readRetries(p *routev3.RetryPolicy) (*retryPolicy, error) {
	out := &retryPolicy{attempts: 1, base: 25 * time.Millisecond, http: map[string]bool{}, statuses: p.GetRetriableStatusCodes(), perTry: p.GetPerTryTimeout().AsDuration()}
	for on := range strings.SplitSeq(p.GetRetryOn(), ",") {
		on = strings.TrimSpace(on)
		if code, ok := retriedCodes[on]; ok {
			out.codes = append(out.codes, code)
		}
		if slices.Contains(retriedHTTP, on) {
			out.http[on] = true
		}
	}
	if len(out.codes)+len(out.http) == 0 {
		// A policy without a condition may limit attempts all the same.
		return &retryPolicy{perTry: out.perTry}, nil
	}
	if n := p.GetNumRetries(); n != nil {
		if n.GetValue() == 0 && len(out.codes) > 0 {
			return nil, errors.New("retry_policy.num_retries is 0")
		}
		out.attempts = int(n.GetValue())
	}
	if b := p.GetRetryBackOff(); b != nil {
		if out.base = b.GetBaseInterval().AsDuration(); out.base <= 0 {
			return nil, errors.New("retry_policy.retry_back_off.base_interval is not positive")
		}
		out.max = b.GetMaxInterval().AsDuration()
	}
	if out.max <= 0 {
		out.max = 10 * out.base
	}
	for _, h := range p.GetRetryHostPredicate() {
		out.elsewhere = out.elsewhere || h.GetName() == previousHosts
	}
	return out, nil
}

// wait returns how long to wait before the retry with that number, which begins at 0; false if the call is not tried again.
func (p *retryPolicy) wait(retry int, code codes.Code) (time.Duration, bool) {
	if retry >= min(p.attempts, maxRetries) || !slices.Contains(p.codes, code) {
		return 0, false
	}
	longest := min(p.base<<retry, p.max)
	return time.Duration(rand.Int64N(int64(longest) + 1)), true //nolint:gosec // no secret
}

// waitHTTP is wait for a plain HTTP call, with the time between retries that Envoy has: up to base × (2^n - 1).
func (p *retryPolicy) waitHTTP(retry int, o Outcome) (time.Duration, bool) {
	if retry >= p.attempts || !p.covers(o) {
		return 0, false
	}
	longest := min(p.base, p.max)
	for range retry {
		if longest = 2*longest + p.base; longest >= p.max {
			longest = p.max
			break
		}
	}
	return time.Duration(rand.Int64N(int64(longest) + 1)), true //nolint:gosec // no secret
}

// covers reports whether a plain HTTP call with that outcome is tried again.
func (p *retryPolicy) covers(o Outcome) bool {
	on := p.http
	if o.Status == 0 {
		return on["reset"] || on["5xx"] || on["gateway-error"] || o.Unreached && (on["connect-failure"] || on["reset-before-request"])
	}
	for _, met := range []bool{
		on["5xx"] && o.Status/100 == 5,
		on["gateway-error"] && o.Status >= http.StatusBadGateway && o.Status <= http.StatusGatewayTimeout,
		on["retriable-4xx"] && o.Status == http.StatusConflict,
		on["retriable-status-codes"] && slices.Contains(p.statuses, uint32(o.Status)),
	} {
		if met {
			return true
		}
	}
	return false
}
