package routes

import (
	"slices"
	"strconv"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// httpDefaultRetryOn are Istio's default conditions. A call that meets one of the first two has not reached the
// application, so these are safe for every method. The others are gRPC statuses.
const httpDefaultRetryOn = "connect-failure,refused-stream,unavailable,cancelled"

// otherRetryConditions are those that they cannot meet: gRPC statuses, and what needs a proxy. They are sent all the same,
// because clients skip them.
var otherRetryConditions = []string{
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable", "envoy-ratelimited", "retriable-headers", "http3-post-connect-failure",
}

// hostAttempts is how often clients look for another endpoint, as in Istio.
const hostAttempts = 5

// httpRetryPolicy translates retries. If r is nil, Istio's default policy applies, unless the defaults disable it. The
// result is nil if calls are not retried.
func httpRetryPolicy(at report.Field, r *networking.HTTPRetry, defaults mesh.Defaults) *routev3.RetryPolicy {
	if r == nil && defaults.NoRetries {
		return nil
	}
	if r == nil {
		return elsewhere(retries([]string{httpDefaultRetryOn}, defaultRetries, defaultBackoff))
	}
	attempts, ok := retryAttempts(at, r)
	if !ok {
		return nil
	}
	on, statuses := httpRetryOn(at.Child("retryOn"), r.GetRetryOn())
	if len(on) == 0 {
		return nil
	}
	out := retries(on, attempts, backoff(at.Child("backoff"), r.GetBackoff()))
	out.RetriableStatusCodes = statuses
	out.PerTryTimeout = perTryTimeout(r.GetPerTryTimeout())
	if p := r.GetRetryIgnorePreviousHosts(); p != nil && !p.GetValue() {
		return out
	}
	return elsewhere(out)
}

// elsewhere makes retries go to other endpoints than the attempts before, as Istio does by default. Clients of Envoy's API
// do not do that unless they are told.
func elsewhere(p *routev3.RetryPolicy) *routev3.RetryPolicy {
	p.RetryHostPredicate = []*routev3.RetryPolicy_RetryHostPredicate{{
		Name:       "envoy.retry_host_predicates.previous_hosts",
		ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: resource.ToAny(&previoushostsv3.PreviousHostsPredicate{})},
	}}
	p.HostSelectionRetryMaxAttempts = hostAttempts
	return p
}

// httpRetryOn splits the conditions into names and statuses. It reports and leaves out what is neither.
func httpRetryOn(at report.Field, conditions string) (on []string, statuses []uint32) {
	if conditions == "" {
		return []string{httpDefaultRetryOn}, nil
	}
	for text := range strings.SplitSeq(conditions, ",") {
		text = strings.ToLower(strings.TrimSpace(text))
		status, err := strconv.ParseUint(text, 10, 16)
		switch {
		case text == "":
		case err == nil && status >= 100 && status <= 599:
			statuses = append(statuses, uint32(status))
		case slices.Contains(policy.HTTPRetryConditions, text):
			on = append(on, text)
		case slices.Contains(otherRetryConditions, text):
			on = append(on, text)
		default:
			at.Warnf(mesh.CodeUnsupported, "There is no condition %q. It has no effect. Use a status, or one of %s.", text, strings.Join(policy.HTTPRetryConditions, ", "))
		}
	}
	switch named := slices.Contains(on, policy.RetryStatuses); {
	case len(statuses) > 0 && !named:
		on = append(on, policy.RetryStatuses)
	case len(statuses) == 0 && named:
		at.Warnf(mesh.CodeInvalidValue, "%s has no statuses. It has no effect. Add them to the list, such as 503.", policy.RetryStatuses)
		on = slices.DeleteFunc(on, func(condition string) bool { return condition == policy.RetryStatuses })
	}
	return on, statuses
}

// unmetConditions returns those conditions of retries that plain HTTP calls of HTTP clients never meet.
func unmetConditions(r *networking.HTTPRetry) (unmet []string) {
	if r.GetAttempts() <= 0 {
		return nil
	}
	for text := range strings.SplitSeq(r.GetRetryOn(), ",") {
		if text = strings.ToLower(strings.TrimSpace(text)); slices.Contains(otherRetryConditions, text) {
			unmet = append(unmet, text)
		}
	}
	return unmet
}

// perTryTimeout limits one attempt. It is nil if the author sets none, or one below 1ms, which package object reports.
func perTryTimeout(d *durationpb.Duration) *durationpb.Duration {
	if d == nil || d.CheckValid() != nil || d.AsDuration() < time.Millisecond {
		return nil
	}
	return durationpb.New(d.AsDuration())
}
