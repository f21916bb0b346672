package explain

import (
	"fmt"
	"math"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// clusterSettings describes the settings that apply to the calls to a cluster.
func clusterSettings(c *clusterv3.Cluster, from tracedResource) []Setting {
	var policies []string
	for _, p := range c.GetLoadBalancingPolicy().GetPolicies() {
		policies = append(policies, policyName(p))
	}
	if len(policies) == 0 {
		policies = []string{strings.ToLower(c.GetLbPolicy().String())}
	}
	all := []Setting{{"balanced by " + strings.Join(policies, ", else "), from.from("load_balancing_policy")}}
	all = append(all, ofHTTP(c, from)...)
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		text := "calls in flight are not limited"
		if n := t.GetMaxRequests().GetValue(); n < math.MaxInt32 {
			text = fmt.Sprintf("at most %d calls in flight from each client", n)
		}
		all = append(all, Setting{text, from.from("circuit_breakers")})
	}
	if c.GetType() == clusterv3.Cluster_LOGICAL_DNS {
		all = append(all, Setting{Text: "the client resolves the name by DNS"})
	}
	for _, text := range ejection(c.GetOutlierDetection()) {
		all = append(all, Setting{text, from.from("outlier_detection")})
	}
	if n := c.GetCommonLbConfig().GetHealthyPanicThreshold().GetValue(); n > 0 {
		all = append(all, Setting{fmt.Sprintf("ejected endpoints are called too while less than %.4g %% are healthy", n), from.from("outlier_detection")})
	}
	return append(all, Setting{encryption(c), from.from("transport_socket")})
}

// ofHTTP describes the settings that only HTTP clients are sent.
func ofHTTP(c *clusterv3.Cluster, from tracedResource) []Setting {
	var all []Setting
	if p := c.GetMetadata().GetFilterMetadata()[resource.MetadataKey].GetFields()["protocol"].GetStringValue(); p != "" {
		all = append(all, Setting{Text: "the Service declares the port as " + p})
	}
	if d := c.GetConnectTimeout(); d != nil {
		all = append(all, Setting{"a connection may take " + d.AsDuration().String(), from.from("circuit_breakers")})
	}
	for _, slow := range []*clusterv3.Cluster_SlowStartConfig{c.GetRoundRobinLbConfig().GetSlowStartConfig(), c.GetLeastRequestLbConfig().GetSlowStartConfig()} {
		if slow != nil {
			all = append(all, Setting{warmUp(slow), from.from("load_balancing_policy")})
		}
	}
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		if n := t.GetMaxRetries().GetValue(); n > 0 && n < math.MaxInt32 {
			all = append(all, Setting{fmt.Sprintf("at most %d retries in flight from each client", n), from.from("circuit_breakers")})
		}
	}
	return all
}

// warmUp describes the time in which a new endpoint gets a growing share of the calls.
func warmUp(slow *clusterv3.Cluster_SlowStartConfig) string {
	text := "new endpoints are warmed up for " + slow.GetSlowStartWindow().AsDuration().String()
	if p := slow.GetMinWeightPercent(); p != nil {
		text += fmt.Sprintf(", from %.4g %% of their share", p.GetValue())
	}
	if a := slow.GetAggression(); a != nil {
		text += fmt.Sprintf(", with the aggression %.4g", a.GetDefaultValue())
	}
	return text
}

// ejection describes when endpoints are ejected, and for how long.
func ejection(o *clusterv3.OutlierDetection) []string {
	if o == nil {
		return nil
	}
	all := []string{fmt.Sprintf("outliers are ejected every %s, for %s the first time, then longer, up to %s; at most %d %% of the endpoints at the same time",
		o.GetInterval().AsDuration(), o.GetBaseEjectionTime().AsDuration(), o.GetMaxEjectionTime().AsDuration(), o.GetMaxEjectionPercent().GetValue())}
	for _, counted := range []struct {
		number *wrapperspb.UInt32Value
		of     string
	}{
		{o.GetConsecutive_5Xx(), "responses with 500 or more"},
		{o.GetConsecutiveGatewayFailure(), "responses with 502, 503 or 504"},
		{o.GetConsecutiveLocalOriginFailure(), "calls without a response"},
	} {
		if counted.number != nil {
			all = append(all, fmt.Sprintf("an outlier had %d consecutive %s", counted.number.GetValue(), counted.of))
		}
	}
	if n := o.GetEnforcingFailurePercentage().GetValue(); n > 0 {
		all = append(all, fmt.Sprintf("an outlier failed more than %d %% of its calls; counted for endpoints with at least %d calls, if at least %d endpoints have so many%s",
			o.GetFailurePercentageThreshold().GetValue(), o.GetFailurePercentageRequestVolume().GetValue(),
			o.GetFailurePercentageMinimumHosts().GetValue(), enforced(n)))
	}
	if n := o.GetEnforcingSuccessRate().GetValue(); n > 0 {
		all = append(all, fmt.Sprintf("an outlier's success rate is more than %.4g standard deviations below the mean, if at least %d endpoints have %d calls or more%s",
			float64(o.GetSuccessRateStdevFactor().GetValue())/1000, o.GetSuccessRateMinimumHosts().GetValue(),
			o.GetSuccessRateRequestVolume().GetValue(), enforced(n)))
	}
	return all
}

// enforced describes in which part of the cases a client ejects.
func enforced(percent uint32) string {
	if percent >= 100 {
		return ""
	}
	return fmt.Sprintf("; %d %% of outliers are ejected", percent)
}

// encryption describes how calls are sent, or why they fail.
func encryption(c *clusterv3.Cluster) string {
	var tls tlsv3.UpstreamTlsContext
	if c.GetTransportSocket().GetTypedConfig().UnmarshalTo(&tls) != nil {
		// A cluster whose TLS settings cannot be met uses the endpoints of RefusedCluster, so that its calls fail.
		// Calls to RefusedCluster itself fail for another reason.
		if service := c.GetEdsClusterConfig().GetServiceName(); service != "" && service != c.GetName() {
			if _, _, _, ok := resource.ParseName(service); !ok {
				return "calls fail: they would go out unencrypted, which the rule does not allow"
			}
		}
		return "not encrypted"
	}
	common := tls.GetCommonTlsContext()
	validation := common.GetValidationContext()
	text := "encrypted, without a client certificate"
	if provider := common.GetTlsCertificateProviderInstance().GetInstanceName(); provider != "" {
		text = fmt.Sprintf("encrypted, with the client's certificate of its provider %q", provider)
	}
	if provider := validation.GetCaCertificateProviderInstance().GetInstanceName(); provider != "" {
		text += fmt.Sprintf("; the authorities of its provider %q verify the server", provider)
	} else {
		text += "; the authorities that the client's machine trusts verify the server"
	}
	var names []string
	for _, m := range validation.GetMatchSubjectAltNames() { //nolint:staticcheck // the field that gRPC reads
		names = append(names, m.GetExact())
	}
	if len(names) > 0 {
		text += ", which is " + strings.Join(names, " or ")
	}
	return text
}

// policyName returns the name of a load balancing policy, or of the endpoint picking policy inside a locality policy.
func policyName(p *clusterv3.LoadBalancingPolicy_Policy) string {
	name := p.GetTypedExtensionConfig().GetName()
	name = name[strings.LastIndexByte(name, '.')+1:]
	inner, err := p.GetTypedExtensionConfig().GetTypedConfig().UnmarshalNew()
	if err != nil {
		return name
	}
	if outer, ok := inner.(interface {
		GetEndpointPickingPolicy() *clusterv3.LoadBalancingPolicy
	}); ok {
		for _, p := range outer.GetEndpointPickingPolicy().GetPolicies() {
			return policyName(p)
		}
	}
	return name
}
