package routes

import (
	"math"
	"slices"
	"strings"
	"time"

	commonfaultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/fault/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// grpcStatuses are the names of gRPC's status codes, each at its number.
var grpcStatuses = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED",
}

// httpStatuses are the HTTP statuses of gRPC's status codes, as Envoy maps them.
var httpStatuses = []uint32{200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401}

const noPercentage = "The fault has no percentage, which counts as 0. It has no effect. Set percentage."

// faults translates the faults of a rule. It returns nil if the rule has none.
func faults(family mesh.Family, at report.Field, f *networking.HTTPFaultInjection) *faultv3.HTTPFault {
	fault := &faultv3.HTTPFault{}
	if f.GetDelay() != nil {
		fault.Delay = delay(at.Child("delay"), f.GetDelay())
	}
	if f.GetAbort() != nil {
		fault.Abort = abort(family, at.Child("abort"), f.GetAbort())
	}
	if fault.GetDelay() == nil && fault.GetAbort() == nil {
		return nil
	}
	at.Ignored(mesh.FeatureFaultInjection)
	return fault
}

func delay(at report.Field, d *networking.HTTPFaultInjection_Delay) *commonfaultv3.FaultDelay {
	kind, ok := d.GetHttpDelayType().(*networking.HTTPFaultInjection_Delay_FixedDelay)
	if !ok {
		// The field check reports exponentialDelay.
		if d.GetHttpDelayType() == nil {
			at.Errorf(mesh.CodeInvalidValue, "The delay has no duration. Calls are not delayed. Set fixedDelay.")
		}
		return nil
	}
	if kind.FixedDelay.CheckValid() != nil || kind.FixedDelay.AsDuration() < time.Millisecond {
		at.Child("fixedDelay").Errorf(mesh.CodeInvalidValue, "The delay is not a duration of at least 1ms. Calls are not delayed. Set a longer delay.")
		return nil
	}
	share, where := d.GetPercentage().GetValue(), at.Child("percentage.value")
	switch {
	case d.GetPercentage() != nil && d.GetPercent() != 0: //nolint:staticcheck // Deprecated, but still written.
		at.Child("percent").Warnf(mesh.CodeConflict, "percentage is also set and takes precedence. This field has no effect. Remove it.")
	case d.GetPercentage() == nil:
		share, where = float64(d.GetPercent()), at.Child("percent") //nolint:staticcheck // Deprecated, but still written.
	}
	if share == 0 && d.GetPercentage() == nil {
		at.Warnf(mesh.CodeInvalidValue, noPercentage)
		return nil
	}
	percent := percentage(where, share, faultless)
	if percent == nil {
		return nil
	}
	return &commonfaultv3.FaultDelay{
		FaultDelaySecifier: &commonfaultv3.FaultDelay_FixedDelay{FixedDelay: durationpb.New(kind.FixedDelay.AsDuration())},
		Percentage:         percent,
	}
}

func abort(family mesh.Family, at report.Field, a *networking.HTTPFaultInjection_Abort) *faultv3.FaultAbort {
	fault := &faultv3.FaultAbort{Percentage: percentage(at.Child("percentage.value"), a.GetPercentage().GetValue(), faultless)}
	switch kind := a.GetErrorType().(type) {
	case *networking.HTTPFaultInjection_Abort_HttpStatus:
		if kind.HttpStatus < 200 || kind.HttpStatus > 599 {
			at.Child("httpStatus").Errorf(mesh.CodeInvalidValue, "The status %d is not between 200 and 599. Calls are not aborted. Set an HTTP status from 200 to 599.", kind.HttpStatus)
			return nil
		}
		if family.IsHTTP() {
			fault.ErrorType = &faultv3.FaultAbort_HttpStatus{HttpStatus: uint32(kind.HttpStatus)}
			break
		}
		setAbortStatus(fault, uint32(kind.HttpStatus))
	case *networking.HTTPFaultInjection_Abort_GrpcStatus:
		code := slices.Index(grpcStatuses, kind.GrpcStatus)
		if code == 0 {
			// C-core would go on with the call, gRPC for Java end it without an answer, and that for Node say
			// UNIMPLEMENTED.
			at.Child("grpcStatus").Errorf(mesh.CodeInvalidValue, "OK is not an error status. Calls are not aborted. Set an error status, or remove abort.")
			return nil
		}
		if code < 0 {
			at.Child("grpcStatus").Errorf(mesh.CodeInvalidValue, "%q is not a gRPC status. Calls are not aborted. Set one of %s.",
				kind.GrpcStatus, strings.Join(grpcStatuses, ", "))
			return nil
		}
		if family == mesh.FamilyHTTP {
			at.Child("grpcStatus").Approximatef("HTTP clients get the status %d, as gRPC maps it to HTTP. Set httpStatus for another status.", httpStatuses[code])
			fault.ErrorType = &faultv3.FaultAbort_HttpStatus{HttpStatus: httpStatuses[code]}
			break
		}
		if family == mesh.FamilyEnvoy {
			at.Child("grpcStatus").Approximatef("On ports that do not declare gRPC, calls end with the status %d, as gRPC maps it to HTTP. Set httpStatus for another status.", httpStatuses[code])
		}
		fault.ErrorType = &faultv3.FaultAbort_GrpcStatus{GrpcStatus: uint32(code)}
	case nil:
		at.Errorf(mesh.CodeInvalidValue, "The abort has no status. Calls are not aborted. Set grpcStatus or httpStatus.")
		return nil
	default: // The field check reports http2Error.
		return nil
	}
	if a.GetPercentage() == nil {
		at.Warnf(mesh.CodeInvalidValue, noPercentage)
	}
	if fault.GetPercentage() == nil {
		return nil
	}
	return fault
}

// What happens with a percentage that is not valid.
const (
	faultless = "The fault has no effect"
	unsent    = "No copies are sent"
)

// percentage translates a number from 0 to 100. It returns nil for 0, the value of an unset percentage, and for other
// numbers, which it reports with what happens instead.
func percentage(at report.Field, share float64, instead string) *typev3.FractionalPercent {
	const million = 1_000_000
	switch {
	case !(share >= 0 && share <= 100): // This is also true for NaN.
		at.Errorf(mesh.CodeInvalidValue, "The percentage is not between 0 and 100. %s. Set a number from 0 to 100.", instead)
		return nil
	case share == 0:
		return nil
	case share == math.Trunc(share):
		return &typev3.FractionalPercent{Numerator: uint32(share), Denominator: typev3.FractionalPercent_HUNDRED}
	}
	parts := math.Round(share * million / 100)
	return &typev3.FractionalPercent{Numerator: uint32(max(parts, 1)), Denominator: typev3.FractionalPercent_MILLION}
}

// setAbortStatus makes calls end with the gRPC status of an HTTP status. C-core does not abort calls with the
// status 200. Other clients abort them with UNKNOWN, as with any HTTP status that has no gRPC status. So 200 is
// written as UNKNOWN.
func setAbortStatus(fault *faultv3.FaultAbort, status uint32) {
	fault.ErrorType = &faultv3.FaultAbort_HttpStatus{HttpStatus: status}
	if status == 200 {
		fault.ErrorType = &faultv3.FaultAbort_GrpcStatus{GrpcStatus: uint32(slices.Index(grpcStatuses, "UNKNOWN"))}
	}
}

// abortAll aborts every call with the gRPC status of an HTTP status.
func abortAll(status uint32) *faultv3.HTTPFault {
	abort := &faultv3.FaultAbort{Percentage: &typev3.FractionalPercent{Numerator: 100, Denominator: typev3.FractionalPercent_HUNDRED}}
	setAbortStatus(abort, status)
	return &faultv3.HTTPFault{Abort: abort}
}

// FaultFilter is the name of the fault filter. A route's override takes effect only under the name that the filter
// has in the Listener.
const FaultFilter = "envoy.filters.http.fault"
