package routes

import (
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// A client of gRPC for Java cannot read shorter or longer limits, which it writes down for itself as decimals: its
// calls would fail.
const (
	minTimeout = time.Millisecond
	maxTimeout = 2400 * time.Hour
)

// timeoutCap limits the whole call, its retries and streams included; the application's own deadline holds if it is
// sooner. Zero is no limit, and is written in full: without it the Listener would decide.
func timeoutCap(at report.Field, timeout *durationpb.Duration) *routev3.RouteAction_MaxStreamDuration {
	limit := &durationpb.Duration{}
	switch {
	case timeout == nil:
	case timeout.CheckValid() != nil || timeout.AsDuration() != 0 && (timeout.AsDuration() < minTimeout || timeout.AsDuration() > maxTimeout):
		at.Errorf(mesh.CodeInvalidValue, "The timeout is not a duration from 1ms to 2400h. Calls have no timeout. Set a duration such as 1.5s, or 0s for no timeout.")
	default:
		limit = durationpb.New(timeout.AsDuration())
	}
	return &routev3.RouteAction_MaxStreamDuration{MaxStreamDuration: limit, GrpcTimeoutHeaderMax: limit}
}
