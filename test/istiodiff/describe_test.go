package istiodiff

import (
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

func percent(share float64) string { return strconv.FormatFloat(share, 'f', 2, 64) + " %" }

// timeout is the longest time of a call by gRFC A31. Zero is no limit.
func timeout(action *routev3.RouteAction, manager *hcmv3.HttpConnectionManager) string {
	limit := manager.GetCommonHttpProtocolOptions().GetMaxStreamDuration()
	if d := action.GetMaxStreamDuration(); d.GetGrpcTimeoutHeaderMax() != nil {
		limit = d.GetGrpcTimeoutHeaderMax()
	} else if d.GetMaxStreamDuration() != nil {
		limit = d.GetMaxStreamDuration()
	}
	if limit.AsDuration() == 0 {
		return "none"
	}
	return limit.AsDuration().String()
}

// retries is what gRPC reads of a retry policy by gRFC A44.
func retries(p *routev3.RetryPolicy) string {
	known := map[string]bool{"cancelled": true, "deadline-exceeded": true, "internal": true, "resource-exhausted": true, "unavailable": true}
	on := slices.DeleteFunc(strings.Split(p.GetRetryOn(), ","), func(c string) bool { return !known[strings.TrimSpace(c)] })
	if len(on) == 0 {
		return "none"
	}
	slices.Sort(on)
	n := uint32(1)
	if p.GetNumRetries() != nil {
		n = min(p.GetNumRetries().GetValue(), 4) // gRPC makes at most five attempts.
	}
	base, longest := 25*time.Millisecond, p.GetRetryBackOff().GetMaxInterval().AsDuration()
	if p.GetRetryBackOff() != nil {
		base = p.GetRetryBackOff().GetBaseInterval().AsDuration()
	}
	if longest == 0 {
		longest = 10 * base
	}
	return fmt.Sprintf("%d on %s after %s to %s", n, strings.Join(on, ","), base, longest)
}

// aborted is the status with which a fault ends every call; empty if none does.
func aborted(r *routev3.Route) string {
	for _, packed := range r.GetTypedPerFilterConfig() {
		var f faultv3.HTTPFault
		if packed.UnmarshalTo(&f) == nil && f.GetAbort() != nil && fraction(f.GetAbort().GetPercentage()) == percent(100) {
			return fmt.Sprintf("HTTP %d or gRPC %d", f.GetAbort().GetHttpStatus(), f.GetAbort().GetGrpcStatus())
		}
	}
	return ""
}

func fault(r *routev3.Route) string {
	var all []string
	for _, packed := range r.GetTypedPerFilterConfig() {
		var f faultv3.HTTPFault
		if packed.UnmarshalTo(&f) != nil {
			continue
		}
		if d := f.GetDelay(); d != nil {
			all = append(all, fmt.Sprintf("%s delayed by %s", fraction(d.GetPercentage()), d.GetFixedDelay().AsDuration()))
		}
		if a := f.GetAbort(); a != nil {
			all = append(all, fmt.Sprintf("%s aborted with HTTP %d or gRPC %d", fraction(a.GetPercentage()), a.GetHttpStatus(), a.GetGrpcStatus()))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func fraction(p *typev3.FractionalPercent) string {
	of := map[typev3.FractionalPercent_DenominatorType]float64{
		typev3.FractionalPercent_HUNDRED: 1, typev3.FractionalPercent_TEN_THOUSAND: 100, typev3.FractionalPercent_MILLION: 10_000,
	}
	return percent(float64(p.GetNumerator()) / of[p.GetDenominator()])
}

// filters lists the filters that change calls: the router ends every list, and faults are described with the route.
func filters(manager *hcmv3.HttpConnectionManager) string {
	var all []string
	for _, f := range manager.GetHttpFilters() {
		if n := f.GetName(); n != "envoy.filters.http.router" && n != "envoy.filters.http.fault" {
			all = append(all, n)
		}
	}
	return strings.Join(all, ", ")
}

// balancing is the policy that a client uses, with what selects the endpoint if it hashes.
func balancing(c *clusterv3.Cluster, action *routev3.RouteAction) string {
	policy := strings.ToLower(c.GetLbPolicy().String())
	ring := c.GetRingHashLbConfig()
	smallest, largest := ring.GetMinimumRingSize(), ring.GetMaximumRingSize()
	if first := firstPolicy(c.GetLoadBalancingPolicy()); first != nil {
		name := first.GetTypedExtensionConfig().GetName()
		policy = name[strings.LastIndexByte(name, '.')+1:]
		var ring ringhashv3.RingHash
		if first.GetTypedExtensionConfig().GetTypedConfig().UnmarshalTo(&ring) == nil {
			smallest, largest = ring.GetMinimumRingSize(), ring.GetMaximumRingSize()
		}
	}
	if policy != "ring_hash" {
		return policy
	}
	return fmt.Sprintf("ring_hash of %d to %d by %s", ringSize(smallest, 1024), ringSize(largest, maxRing), hashKeys(action))
}

// maxRing is where gRPC for Go caps rings.
const maxRing = 4096

func ringSize(n *wrapperspb.UInt64Value, unset uint64) uint64 {
	if n == nil {
		return unset
	}
	return min(n.GetValue(), maxRing)
}

func firstPolicy(list *clusterv3.LoadBalancingPolicy) *clusterv3.LoadBalancingPolicy_Policy {
	for _, p := range list.GetPolicies() {
		inner, err := p.GetTypedExtensionConfig().GetTypedConfig().UnmarshalNew()
		if err != nil {
			continue
		}
		if outer, ok := inner.(interface {
			GetEndpointPickingPolicy() *clusterv3.LoadBalancingPolicy
		}); ok {
			return firstPolicy(outer.GetEndpointPickingPolicy())
		}
		return p
	}
	return nil
}

// hashKeys lists what gRPC hashes: headers, and the channel by a filter state. It ignores other keys.
func hashKeys(action *routev3.RouteAction) string {
	var all []string
	for _, p := range action.GetHashPolicy() {
		switch {
		case p.GetHeader() != nil:
			all = append(all, "header "+strings.ToLower(p.GetHeader().GetHeaderName()))
		case p.GetFilterState().GetKey() == "io.grpc.channel_id":
			all = append(all, "channel")
		}
	}
	if len(all) == 0 {
		return "nothing: random"
	}
	return strings.Join(all, ", ")
}

// limit is the number of calls in flight; gRPC's own is 1024.
func limit(c *clusterv3.Cluster) string {
	n := uint32(1024)
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		if t.GetPriority() == corev3.RoutingPriority_DEFAULT && t.GetMaxRequests() != nil {
			n = t.GetMaxRequests().GetValue()
		}
	}
	return strconv.FormatUint(uint64(n), 10)
}

func ejection(c *clusterv3.Cluster) string {
	o := c.GetOutlierDetection()
	if o == nil || o.GetEnforcingSuccessRate() == nil && o.GetEnforcingFailurePercentage() == nil {
		return "none"
	}
	return "by " + text(o)
}

// text is a message as text, always the same.
func text(m proto.Message) string {
	return strings.Join(strings.Fields(fmt.Sprint(m)), " ")
}

func encryption(c *clusterv3.Cluster) string {
	var tls tlsv3.UpstreamTlsContext
	if c.GetTransportSocket().GetTypedConfig().UnmarshalTo(&tls) != nil {
		return "plaintext"
	}
	common := tls.GetCommonTlsContext()
	validation := common.GetValidationContext()
	if combined := common.GetCombinedValidationContext(); combined != nil {
		validation = combined.GetDefaultValidationContext()
	}
	var names []string
	for _, m := range validation.GetMatchSubjectAltNames() { //nolint:staticcheck // the field that gRPC reads
		names = append(names, m.GetExact()+m.GetSuffix()+m.GetPrefix())
	}
	own, authority := common.GetTlsCertificateProviderInstance().GetInstanceName(), validation.GetCaCertificateProviderInstance().GetInstanceName()
	if authority == "" && validation.GetSystemRootCerts() != nil {
		authority = "system"
	}
	return fmt.Sprintf("TLS as %q to a server of %q with names %v, SNI %q", own, authority, names, tls.GetSni())
}

// spread returns the share of each endpoint of the first priority, and the endpoints of later priorities.
func spread(c *clusterv3.Cluster, load *endpointv3.ClusterLoadAssignment) (reached map[string]float64, later string) {
	hashed := strings.HasPrefix(balancing(c, &routev3.RouteAction{}), "ring_hash")
	byPriority := map[uint32]map[string]float64{}
	totals := map[uint32]float64{}
	for _, group := range load.GetEndpoints() {
		weight := float64(group.GetLoadBalancingWeight().GetValue()) // gRPC leaves localities without a weight out.
		var live []*endpointv3.LbEndpoint
		sum := 0.0
		for _, e := range group.GetLbEndpoints() {
			if h := e.GetHealthStatus(); h == corev3.HealthStatus_UNKNOWN || h == corev3.HealthStatus_HEALTHY {
				live = append(live, e)
				sum += weightOf(e, hashed)
			}
		}
		if weight == 0 || len(live) == 0 {
			continue
		}
		totals[group.GetPriority()] += weight
		for _, e := range live {
			if byPriority[group.GetPriority()] == nil {
				byPriority[group.GetPriority()] = map[string]float64{}
			}
			byPriority[group.GetPriority()][address(e)] += weight * weightOf(e, hashed) / sum
		}
	}
	priorities := slices.Sorted(maps.Keys(byPriority))
	for i, p := range priorities {
		if i == 0 {
			reached = map[string]float64{}
			for a, share := range byPriority[p] {
				reached[a] = 100 * share / totals[p]
			}
			continue
		}
		later += fmt.Sprintf(" then %v", slices.Sorted(maps.Keys(byPriority[p])))
	}
	return reached, strings.TrimSpace(later)
}

// weightOf is the weight of an endpoint in its locality: round robin ignores it, a ring does not.
func weightOf(e *endpointv3.LbEndpoint, hashed bool) float64 {
	if n := e.GetLoadBalancingWeight().GetValue(); hashed && n > 0 {
		return float64(n)
	}
	return 1
}

func address(e *endpointv3.LbEndpoint) string {
	a := e.GetEndpoint().GetAddress().GetSocketAddress()
	return net.JoinHostPort(a.GetAddress(), strconv.FormatUint(uint64(a.GetPortValue()), 10))
}
