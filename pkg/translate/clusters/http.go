package clusters

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// defaultConnectTimeout is Istio's default.
const defaultConnectTimeout = 10 * time.Second

// httpSettings sets what Envoy's API has for HTTP, in the older fields that all of its HTTP clients read.
func httpSettings(c *clusterv3.Cluster, s policy.Settings, in Input, m member) {
	c.Metadata = metadata(m.port, m.subset)
	balanceHTTP(mesh.FamilyHTTP, c, s)
	c.LrsServer = httpLoadReports(s, in)
}

// balanceHTTP is the part of it that all HTTP clients need.
func balanceHTTP(family mesh.Family, c *clusterv3.Cluster, s policy.Settings) {
	c.LoadBalancingPolicy = nil
	httpBalancer(family, c, s)
	c.ConnectTimeout = connectTimeout(s.ConnectionPool.GetTcp().GetConnectTimeout())
	c.CircuitBreakers = httpCircuitBreakers(s.ConnectionPoolAt.Child("http"), s.ConnectionPool.GetHttp())
	c.OutlierDetection = httpOutlierDetection(s.OutlierAt, s.Outlier)
	c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{
		// 0 turns the panic mode off, as in Istio, in which clients call ejected endpoints too.
		HealthyPanicThreshold: &typev3.Percent{Value: minHealth(s.OutlierAt.Child("minHealthPercent"), s.Outlier.GetMinHealthPercent())},
		LocalityConfigSpecifier: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig_{
			LocalityWeightedLbConfig: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig{},
		},
	}
	if rate := s.Annotations.SuccessRate; rate.Value != (mesh.SuccessRate{}) {
		s.Annotations.At(rate.Ref, mesh.AnnotationSuccessRate).Warnf(mesh.CodeUnsupported,
			"HTTP clients do not compare success rates. The annotation has no effect on them. Set outlierDetection.")
	}
}

// httpBalancer sets the load balancing policy: the spec's, or else the annotation's.
func httpBalancer(family mesh.Family, c *clusterv3.Cluster, s policy.Settings) {
	lb, at := s.LoadBalancer, s.LoadBalancerAt
	if h := lb.GetConsistentHash(); h != nil {
		if where := at.Child("consistentHash"); policy.HashKey(family, where, h) != nil {
			c.LbPolicy = clusterv3.Cluster_RING_HASH
			c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
				MinimumRingSize: wrapperspb.UInt64(ringEntries(family, where, h)),
			}}
		}
		checkWarmup(at, lb)
		return
	}
	annotated := s.Annotations.Balancer
	switch lb.GetSimple() {
	case networking.LoadBalancerSettings_UNSPECIFIED:
		if annotated.Value != "" {
			httpAnnotated(c, s.Annotations.At(annotated.Ref, mesh.AnnotationBalancer), annotated.Value)
		}
	case networking.LoadBalancerSettings_ROUND_ROBIN:
	case networking.LoadBalancerSettings_LEAST_REQUEST, networking.LoadBalancerSettings_LEAST_CONN:
		c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	case networking.LoadBalancerSettings_RANDOM:
		c.LbPolicy = clusterv3.Cluster_RANDOM
	case networking.LoadBalancerSettings_PASSTHROUGH:
		at.Child("simple").Warnf(mesh.CodeUnsupported, "HTTP clients do not support PASSTHROUGH because a call has no original address. Calls are balanced round robin. Set another load balancer.")
	default:
		at.Child("simple").Errorf(mesh.CodeInvalidValue, "There is no load balancer %d. Calls are balanced round robin. Set one that the API has.", lb.GetSimple())
	}
	warmUp(c, at, lb)
}

func httpAnnotated(c *clusterv3.Cluster, at report.Field, b mesh.Balancer) {
	switch b {
	case mesh.LeastRequest:
		c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	case mesh.WeightedRoundRobin, mesh.PickFirst:
		at.Warnf(mesh.CodeUnsupported, "HTTP clients do not support this balancer. Their calls are balanced round robin. Set least_request or round_robin, or write it in a DestinationRule for other clients.")
	case mesh.RoundRobin:
	}
}

// warmUp sets the time in which a new endpoint gets a growing share of the calls.
func warmUp(c *clusterv3.Cluster, at report.Field, lb *networking.LoadBalancerSettings) {
	slow := slowStart(at, lb)
	if slow == nil {
		return
	}
	switch c.GetLbPolicy() {
	case clusterv3.Cluster_ROUND_ROBIN:
		c.LbConfig = &clusterv3.Cluster_RoundRobinLbConfig_{RoundRobinLbConfig: &clusterv3.Cluster_RoundRobinLbConfig{SlowStartConfig: slow}}
	case clusterv3.Cluster_LEAST_REQUEST:
		c.LbConfig = &clusterv3.Cluster_LeastRequestLbConfig_{LeastRequestLbConfig: &clusterv3.Cluster_LeastRequestLbConfig{SlowStartConfig: slow}}
	default:
		checkWarmup(at, lb)
	}
}

// checkWarmup reports a warm-up that the policy does not have.
func checkWarmup(at report.Field, lb *networking.LoadBalancerSettings) {
	for field, set := range map[string]bool{"warmup": lb.GetWarmup() != nil, "warmupDurationSecs": lb.GetWarmupDurationSecs() != nil} {
		if set {
			at.Child(field).Warnf(mesh.CodeUnsupported, "Only ROUND_ROBIN and LEAST_REQUEST warm up endpoints. The field has no effect. Set one of these, or remove the field.")
		}
	}
}

func slowStart(at report.Field, lb *networking.LoadBalancerSettings) *clusterv3.Cluster_SlowStartConfig {
	w, window := lb.GetWarmup(), lb.GetWarmup().GetDuration()
	if w == nil {
		window = lb.GetWarmupDurationSecs()
	}
	if window.CheckValid() != nil || window.AsDuration() < time.Millisecond {
		return nil // Package object reports a duration below 1ms.
	}
	out := &clusterv3.Cluster_SlowStartConfig{SlowStartWindow: durationpb.New(window.AsDuration())}
	if a := w.GetAggression(); a != nil {
		if a.GetValue() < 1 {
			at.Child("warmup.aggression").Errorf(mesh.CodeInvalidValue, "The value is below 1. It is 1 instead. Set 1 or more.")
		} else {
			out.Aggression = &corev3.RuntimeDouble{DefaultValue: a.GetValue(), RuntimeKey: "mizzen.warmup"}
		}
	}
	if p := w.GetMinimumPercent(); p != nil {
		if !(p.GetValue() >= 0 && p.GetValue() <= 100) {
			at.Child("warmup.minimumPercent").Errorf(mesh.CodeInvalidValue, "The percentage is not between 0 and 100. It is 10 instead. Set a number from 0 to 100.")
		} else {
			out.MinWeightPercent = &typev3.Percent{Value: p.GetValue()}
		}
	}
	return out
}

// connectTimeout limits an attempt to connect. Package object reports a duration below 1ms, which has no effect.
func connectTimeout(d *durationpb.Duration) *durationpb.Duration {
	if d == nil || d.CheckValid() != nil || d.AsDuration() < time.Millisecond {
		return durationpb.New(defaultConnectTimeout)
	}
	return durationpb.New(d.AsDuration())
}

// httpCircuitBreakers limits what one client process has in flight to the cluster: calls, and retries among them.
func httpCircuitBreakers(at report.Field, h *networking.ConnectionPoolSettings_HTTPSettings) *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		Priority:    corev3.RoutingPriority_DEFAULT,
		MaxRequests: limit(at.Child("http2MaxRequests"), h.GetHttp2MaxRequests(), "Calls"),
		MaxRetries:  limit(at.Child("maxRetries"), h.GetMaxRetries(), "Calls"),
	}}}
}

// httpOutlierDetection translates the ejection of endpoints whose calls fail. It is nil if none is ejected.
func httpOutlierDetection(at report.Field, o *networking.OutlierDetection) *clusterv3.OutlierDetection {
	if o == nil {
		return nil
	}
	out := ejectNothing(at, o)
	// One endpoint may always be ejected, as with gRPC: a percentage of a few endpoints is less than one.
	out.AlwaysEjectOneHost = wrapperspb.Bool(true)
	old := o.GetConsecutiveErrors() //nolint:staticcheck // authors still write it
	if old < 0 {
		at.Child("consecutiveErrors").Errorf(mesh.CodeInvalidValue, "The value is negative. It has no effect. Set a positive number, or remove the field.")
	}
	gateway := o.GetConsecutiveGatewayErrors().GetValue()
	if o.GetConsecutiveGatewayErrors() == nil && old > 0 {
		gateway = uint32(old) // In Istio the older field counts errors of gateways.
	}
	fives := uint32(defaultConsecutiveErrors)
	if o.GetConsecutive_5XxErrors() != nil {
		fives = o.GetConsecutive_5XxErrors().GetValue()
	}
	out.Consecutive_5Xx, out.EnforcingConsecutive_5Xx = counted(fives)
	out.ConsecutiveGatewayFailure, out.EnforcingConsecutiveGatewayFailure = counted(gateway)
	if o.GetSplitExternalLocalOriginErrors() {
		out.SplitExternalLocalOriginErrors = true
		local := uint32(defaultConsecutiveErrors)
		if o.GetConsecutiveLocalOriginFailures() != nil {
			local = o.GetConsecutiveLocalOriginFailures().GetValue()
		}
		out.ConsecutiveLocalOriginFailure, out.EnforcingConsecutiveLocalOriginFailure = counted(local)
	} else if o.GetConsecutiveLocalOriginFailures() != nil {
		at.Child("consecutiveLocalOriginFailures").Warnf(mesh.CodeInvalidValue, "The field needs splitExternalLocalOriginErrors, which is not set. It has no effect. Set both.")
	}
	return out
}

// counted returns a number of consecutive errors, and the percentage of its enforcement. 0 is off.
func counted(n uint32) (number, enforced *wrapperspb.UInt32Value) {
	if n == 0 {
		return nil, wrapperspb.UInt32(0)
	}
	return wrapperspb.UInt32(n), wrapperspb.UInt32(100)
}

func minHealth(at report.Field, percent int32) float64 {
	if percent < 0 || percent > 100 {
		at.Errorf(mesh.CodeInvalidValue, "The percentage is not between 0 and 100. It has no effect. Set a number from 0 to 100.")
		return 0
	}
	return float64(percent)
}

// metadata says what clients may need to know about a port and subset: its protocol, and the labels by which endpoints
// from elsewhere are selected. gRPC clients need neither; telemetry has what they need.
func metadata(port mesh.Port, subset *mesh.Subset) *corev3.Metadata {
	fields := map[string]*structpb.Value{}
	if port.Protocol != "" {
		fields["protocol"] = structpb.NewStringValue(string(port.Protocol))
	}
	if subset != nil && len(subset.Labels) > 0 {
		fields["labels"] = resource.LabelsValue(subset.Labels)
	}
	return resource.Metadata(fields)
}
