package clusters

import (
	"math"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Istio's defaults.
const (
	defaultConsecutiveErrors  = 5
	defaultOutlierInterval    = 10 * time.Second
	defaultEjectionTime       = 30 * time.Second
	defaultMaxEjectionPercent = 10
)

const (
	// maxEjectionTime limits the ejection time of an endpoint that is ejected repeatedly.
	maxEjectionTime = 300 * time.Second
	// failureThreshold is the percentage of failures above which an endpoint is ejected. It is high, because gRPC
	// counts every status but OK as a failure, such as a NOT_FOUND that is a correct answer.
	failureThreshold = 85
	// minFailureVolume is the minimum number of calls in an interval for the ejection of an endpoint.
	minFailureVolume = 5
	// maxFailureVolume is the maximum that gRPC for Java accepts. A larger number makes its channels panic.
	maxFailureVolume = math.MaxInt32
	// minFailureHosts is the number of endpoints that must have that many calls. With 1, a single endpoint could be
	// ejected.
	minFailureHosts = 2
)

// outlierDetection translates the ejection of endpoints whose calls fail. It returns nil if none is ejected. gRPC
// does not count consecutive errors. It compares the percentage of failures in an interval. If an endpoint gets few
// calls in an interval, N consecutive errors are nearly all of them, so the percentage is high.
func outlierDetection(at report.Field, o *networking.OutlierDetection) *clusterv3.OutlierDetection {
	if o == nil {
		return nil
	}
	out := ejectNothing(at, o)
	errors := consecutiveErrors(at, o)
	if errors == 0 {
		return nil
	}
	at.Ignored(mesh.FeatureOutlierDetection)
	volume := min(max(errors, minFailureVolume), maxFailureVolume)
	at.Approximatef("gRPC does not count consecutive errors. It ejects an endpoint if more than %d%% of at least %d calls within %s failed "+
		"with any status and another endpoint had as many calls. Keep the setting if that is good enough.", failureThreshold, volume, out.GetInterval().AsDuration())
	out.EnforcingFailurePercentage = wrapperspb.UInt32(100)
	out.FailurePercentageThreshold = wrapperspb.UInt32(failureThreshold)
	out.FailurePercentageMinimumHosts = wrapperspb.UInt32(minFailureHosts)
	out.FailurePercentageRequestVolume = wrapperspb.UInt32(volume)
	return out
}

// ejectNothing sets the intervals and limits of the ejection, and enforces nothing. o may be nil.
func ejectNothing(at report.Field, o *networking.OutlierDetection) *clusterv3.OutlierDetection {
	interval := ejectionDuration(at.Child("interval"), o.GetInterval(), defaultOutlierInterval)
	base := ejectionDuration(at.Child("baseEjectionTime"), o.GetBaseEjectionTime(), defaultEjectionTime)
	return &clusterv3.OutlierDetection{
		Interval:           durationpb.New(interval),
		BaseEjectionTime:   durationpb.New(base),
		MaxEjectionTime:    durationpb.New(max(base, maxEjectionTime)),
		MaxEjectionPercent: wrapperspb.UInt32(maxEjectionPercent(at.Child("maxEjectionPercent"), o.GetMaxEjectionPercent())),
		// Both are always set, because clients have different defaults.
		EnforcingSuccessRate:       wrapperspb.UInt32(0),
		EnforcingFailurePercentage: wrapperspb.UInt32(0),
	}
}

// consecutiveErrors returns the smallest number of consecutive errors for which the author ejects an endpoint; 0
// means never.
func consecutiveErrors(at report.Field, o *networking.OutlierDetection) uint32 {
	old := o.GetConsecutiveErrors() //nolint:staticcheck // authors still write it
	if old < 0 {
		at.Child("consecutiveErrors").Errorf(mesh.CodeInvalidValue, "The value is negative. It has no effect. Set a positive number, or remove the field.")
	}
	fives := o.GetConsecutive_5XxErrors().GetValue()
	if o.GetConsecutive_5XxErrors() == nil && old <= 0 {
		fives = defaultConsecutiveErrors
	}
	least := uint32(0)
	for _, n := range []uint32{fives, o.GetConsecutiveGatewayErrors().GetValue(), uint32(max(old, 0))} {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

func ejectionDuration(at report.Field, d *durationpb.Duration, byDefault time.Duration) time.Duration {
	if d == nil {
		return byDefault
	}
	if d.CheckValid() != nil || d.AsDuration() < time.Millisecond {
		at.Errorf(mesh.CodeInvalidValue, "The value is not a duration of at least 1ms. The value is %s instead. Set a longer duration.", byDefault)
		return byDefault
	}
	return d.AsDuration()
}

func maxEjectionPercent(at report.Field, percent int32) uint32 {
	switch {
	case percent < 0 || percent > 100:
		at.Errorf(mesh.CodeInvalidValue, "The percentage is not between 0 and 100. The value is %d instead. Set a number from 0 to 100.", defaultMaxEjectionPercent)
	case percent > 0:
		return uint32(percent)
	}
	return defaultMaxEjectionPercent
}
