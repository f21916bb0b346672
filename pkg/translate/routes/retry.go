package routes

import (
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

const (
	// maxRetries allows five attempts in all. This is gRPC's own limit, which clients do not apply to routes from xDS.
	maxRetries = 4
	// defaultRetries and defaultBackoff are Istio's defaults.
	defaultRetries = 2
	defaultBackoff = 25 * time.Millisecond
	// backoffGrowth is the maximum back-off, as a multiple of the base interval.
	backoffGrowth = 10
)

// defaultRetryOn has those of Istio's default conditions that gRPC supports.
var defaultRetryOn = []string{"cancelled", "unavailable"}

// retryConditions has the gRPC status for each of Istio's conditions. A note states how gRPC differs from the
// condition.
var retryConditions = map[string]struct{ status, note string }{
	"cancelled":            {status: "cancelled"},
	"deadline-exceeded":    {status: "deadline-exceeded"},
	"internal":             {status: "internal"},
	"resource-exhausted":   {status: "resource-exhausted"},
	"unavailable":          {status: "unavailable"},
	"connect-failure":      {status: "unavailable"},
	"refused-stream":       {status: "unavailable"},
	"reset":                {status: "unavailable", note: "gRPC does not retry a call whose response has begun"},
	"reset-before-request": {status: "unavailable", note: "gRPC does not retry a call whose response has begun"},
	"5xx":                  {status: "unavailable", note: "gRPC retries on gRPC statuses"},
	"gateway-error":        {status: "unavailable", note: "gRPC retries on gRPC statuses"},
	"429":                  {status: "resource-exhausted,unavailable", note: "gRPC retries on gRPC statuses"},
	"500":                  {status: "internal", note: "gRPC retries on gRPC statuses"},
	"502":                  {status: "unavailable", note: "gRPC retries on gRPC statuses"},
	"503":                  {status: "unavailable", note: "gRPC retries on gRPC statuses"},
	"504":                  {status: "unavailable", note: "gRPC retries on gRPC statuses"},
}

// retryPolicy translates retries. If r is nil, Istio's default policy applies, unless the defaults disable it. The
// result is nil if calls are not retried.
func retryPolicy(at report.Field, r *networking.HTTPRetry, defaults mesh.Defaults) *routev3.RetryPolicy {
	if r == nil && defaults.NoRetries {
		return nil
	}
	if r == nil {
		return retries(defaultRetryOn, defaultRetries, defaultBackoff)
	}
	attempts, ok := retryAttempts(at, r)
	if !ok {
		return nil
	}
	if attempts > maxRetries {
		at.Child("attempts").Approximatef("gRPC makes at most %d retries. The rest have no effect. Set %d or fewer.", maxRetries, maxRetries)
		attempts = maxRetries
	}
	on, base := retryOn(at.Child("retryOn"), r.GetRetryOn()), backoff(at.Child("backoff"), r.GetBackoff())
	if len(on) == 0 {
		return nil
	}
	return retries(on, attempts, base)
}

// retryAttempts returns the number of retries. ok is false if there are none.
func retryAttempts(at report.Field, r *networking.HTTPRetry) (attempts uint32, ok bool) {
	switch {
	case r.GetAttempts() < 0:
		at.Child("attempts").Errorf(mesh.CodeInvalidValue, "The number of attempts is negative. Calls are not retried. Set a positive number, or 0.")
		return 0, false
	case r.GetAttempts() == 0:
		if r.GetRetryOn() != "" || r.GetPerTryTimeout() != nil || r.GetBackoff() != nil || r.GetRetryRemoteLocalities() != nil || r.GetRetryIgnorePreviousHosts() != nil {
			at.Child("attempts").Errorf(mesh.CodeInvalidValue, "The number of attempts is 0 or not set. Calls are not retried, and the other fields have no effect. Set it, or remove the other fields.")
		}
		return 0, false
	}
	return uint32(r.GetAttempts()), true
}

func retries(on []string, attempts uint32, base time.Duration) *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		// No spaces: gRPC's C-core does not trim the conditions between the commas.
		RetryOn:    strings.Join(on, ","),
		NumRetries: wrapperspb.UInt32(attempts),
		RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: durationpb.New(base),
			MaxInterval:  durationpb.New(backoffGrowth * base),
		},
	}
}

// retryOn translates the conditions and sorts them. It reports and leaves out conditions that gRPC does not support.
func retryOn(at report.Field, conditions string) []string {
	if conditions == "" {
		return defaultRetryOn
	}
	var on []string
	for text := range strings.SplitSeq(conditions, ",") {
		text = strings.ToLower(strings.TrimSpace(text))
		condition, known := retryConditions[text]
		switch {
		case text == "":
			continue
		case !known:
			at.Warnf(mesh.CodeUnsupported, "gRPC cannot retry on %q. The condition has no effect. Use cancelled, deadline-exceeded, internal, resource-exhausted or unavailable.", text)
			continue
		case condition.note != "":
			at.Approximatef("%q is treated as %s because %s. To silence this, write %[2]s.", text, condition.status, condition.note)
		}
		on = append(on, strings.Split(condition.status, ",")...)
	}
	slices.Sort(on)
	return slices.Compact(on)
}

// backoff returns the base interval of the back-off.
func backoff(at report.Field, d *durationpb.Duration) time.Duration {
	if d == nil {
		return defaultBackoff
	}
	if d.CheckValid() != nil || d.AsDuration() < time.Millisecond || d.AsDuration() > time.Hour {
		at.Errorf(mesh.CodeInvalidValue, "The value is not a duration from 1ms to 1h. The back-off is %s instead. Set a duration in that range.", defaultBackoff)
		return defaultBackoff
	}
	return d.AsDuration()
}
