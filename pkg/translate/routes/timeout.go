package routes

import (
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// gRPC for Java formats limits as decimal numbers and parses them again. It cannot parse shorter or longer limits,
// and calls would fail.
const (
	minTimeout = time.Millisecond
	maxTimeout = 2400 * time.Hour
)

// timeoutCap limits the duration of a call, including its retries and streams. If the application's deadline is
// earlier, it applies. 0 means no limit. It is written explicitly, because otherwise the Listener's value would
// apply.
func timeoutCap(at report.Field, timeout *durationpb.Duration) *routev3.RouteAction_MaxStreamDuration {
	limit := callLimit(at, timeout)
	return &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: limit, GrpcTimeoutHeaderMax: limit}
}

// callLimit returns the limit of a whole call. 0 means no limit.
func callLimit(at report.Field, timeout *durationpb.Duration) *durationpb.Duration {
	if timeout != nil && (timeout.CheckValid() != nil || timeout.AsDuration() < minTimeout || timeout.AsDuration() > maxTimeout) {
		at.Errorf(mesh.CodeInvalidValue, "The timeout is not a duration from 1ms to 2400h. Calls have no timeout. Set a duration such as 300ms, or remove the field for no timeout.")
		timeout = nil
	}
	return durationpb.New(timeout.AsDuration())
}
