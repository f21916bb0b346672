package xds

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultcommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/fault/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// fault is what a rule injects into calls.
type fault struct {
	delay            time.Duration
	delayed, aborted float64
	// abort and status are the status of gRPC and of HTTP.
	abort  codes.Code
	status int
}

// readFault takes the fault from the most specific settings of filters. It returns what it cannot read.
func readFault(settings ...map[string]*anypb.Any) (*fault, string) {
	var found *anypb.Any
	for _, filters := range settings {
		for name, config := range filters {
			own, optional := config, false
			wrapped := &routev3.FilterConfig{}
			if config.MessageIs(wrapped) {
				if err := config.UnmarshalTo(wrapped); err != nil {
					return nil, "settings of the filter " + name
				}
				own, optional = wrapped.GetConfig(), wrapped.GetIsOptional()
			}
			switch {
			case own.MessageIs(&faultv3.HTTPFault{}):
				if found == nil {
					found = own
				}
			case !optional:
				return nil, "settings of the filter " + name
			}
		}
	}
	if found == nil {
		return nil, ""
	}
	message := &faultv3.HTTPFault{}
	if err := found.UnmarshalTo(message); err != nil {
		return nil, "a fault that cannot be parsed"
	}
	return faultOf(message)
}

func faultOf(m *faultv3.HTTPFault) (*fault, string) {
	out := &fault{}
	var err error
	if unknown := unknownField(m, "delay", "abort"); unknown != "" {
		return nil, "the fault " + unknown
	}
	if d := m.GetDelay(); d != nil {
		if _, fixed := d.GetFaultDelaySecifier().(*faultcommonv3.FaultDelay_FixedDelay); !fixed {
			return nil, "a delay of a fault without fixed_delay"
		}
		out.delay = d.GetFixedDelay().AsDuration()
		if out.delayed, err = fraction(d.GetPercentage()); err != nil {
			return nil, "a percentage of a fault: " + err.Error()
		}
	}
	if a := m.GetAbort(); a != nil {
		switch e := a.GetErrorType().(type) {
		case *faultv3.FaultAbort_GrpcStatus:
			out.abort, out.status = codes.Code(e.GrpcStatus), httpStatusOf(e.GrpcStatus)
		case *faultv3.FaultAbort_HttpStatus:
			out.abort, out.status = codeOf(e.HttpStatus), int(e.HttpStatus)
		default:
			return nil, "an abort of a fault without a status"
		}
		if out.aborted, err = fraction(a.GetPercentage()); err != nil {
			return nil, "a percentage of a fault: " + err.Error()
		}
	}
	return out, ""
}

// codeOf is gRPC's mapping of HTTP statuses.
func codeOf(httpStatus uint32) codes.Code {
	switch httpStatus {
	case http.StatusBadRequest:
		return codes.Internal
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	}
	return codes.Unknown
}

// httpStatusOf is Envoy's mapping of gRPC statuses.
func httpStatusOf(code uint32) int {
	if statuses := []int{200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401}; code < uint32(len(statuses)) {
		return statuses[code]
	}
	return http.StatusInternalServerError
}

// inject delays the call, or ends it.
func (f *fault) inject(ctx context.Context) error {
	aborted, err := f.strikes(ctx)
	switch {
	case err != nil || !aborted:
		return err
	case f.abort == codes.OK:
		return status.Error(codes.Unavailable, "xds: a rule of the mesh answers this call with the status OK, for which this client has no answer")
	}
	return status.Error(f.abort, "xds: a rule of the mesh injected this fault")
}

// strikes delays the call, and reports whether the fault ends it.
func (f *fault) strikes(ctx context.Context) (aborted bool, err error) {
	if f == nil {
		return false, nil
	}
	if f.delay > 0 && rand.Float64() < f.delayed { //nolint:gosec // no secret
		if err := sleep(ctx, f.delay); err != nil {
			return false, err
		}
	}
	return f.aborted > 0 && rand.Float64() < f.aborted, nil //nolint:gosec // no secret
}

// sleep returns early if the call ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
