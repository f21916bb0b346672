package explain

import (
	"fmt"
	"math"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// clusterSettings puts in words what holds for the calls to a cluster.
func clusterSettings(c *clusterv3.Cluster, from tracedResource) []Setting {
	var policies []string
	for _, p := range c.GetLoadBalancingPolicy().GetPolicies() {
		policies = append(policies, policyName(p))
	}
	all := []Setting{{"balanced by " + strings.Join(policies, ", else "), from.from("load_balancing_policy")}}
	for _, t := range c.GetCircuitBreakers().GetThresholds() {
		text := "no limit to the calls at a time"
		if n := t.GetMaxRequests().GetValue(); n < math.MaxInt32 {
			text = fmt.Sprintf("at most %d calls at a time from each client", n)
		}
		all = append(all, Setting{text, from.from("circuit_breakers")})
	}
	if c.GetType() == clusterv3.Cluster_LOGICAL_DNS {
		all = append(all, Setting{Text: "the client resolves the name by DNS"})
	}
	for _, text := range ejection(c.GetOutlierDetection()) {
		all = append(all, Setting{text, from.from("outlier_detection")})
	}
	return append(all, Setting{encryption(c), from.from("transport_socket")})
}

// ejection says when endpoints are left out, and for how long.
func ejection(o *clusterv3.OutlierDetection) []string {
	if o == nil {
		return nil
	}
	all := []string{fmt.Sprintf("checked every %s; an endpoint that fails is left out for %s, longer each time up to %s, and at most %d %% of them at once",
		o.GetInterval().AsDuration(), o.GetBaseEjectionTime().AsDuration(), o.GetMaxEjectionTime().AsDuration(), o.GetMaxEjectionPercent().GetValue())}
	if n := o.GetEnforcingFailurePercentage().GetValue(); n > 0 {
		all = append(all, fmt.Sprintf("it fails when more than %d %% of at least %d calls did, where %d endpoints or more had as many%s",
			o.GetFailurePercentageThreshold().GetValue(), o.GetFailurePercentageRequestVolume().GetValue(),
			o.GetFailurePercentageMinimumHosts().GetValue(), enforced(n)))
	}
	if n := o.GetEnforcingSuccessRate().GetValue(); n > 0 {
		all = append(all, fmt.Sprintf("it fails when it succeeds less often than the others, by %.4g standard deviations, where %d endpoints or more had at least %d calls%s",
			float64(o.GetSuccessRateStdevFactor().GetValue())/1000, o.GetSuccessRateMinimumHosts().GetValue(),
			o.GetSuccessRateRequestVolume().GetValue(), enforced(n)))
	}
	return all
}

// enforced says in how many cases a client does as it is told.
func enforced(percent uint32) string {
	if percent >= 100 {
		return ""
	}
	return fmt.Sprintf(", in %d %% of the cases", percent)
}

// encryption says how calls go out, or why they do not.
func encryption(c *clusterv3.Cluster) string {
	var tls tlsv3.UpstreamTlsContext
	if c.GetTransportSocket().GetTypedConfig().UnmarshalTo(&tls) != nil {
		// Its own name is that of the cluster where routes end whose calls fail for another reason.
		if service := c.GetEdsClusterConfig().GetServiceName(); service != "" && service != c.GetName() {
			if _, _, _, ok := resource.ParseName(service); !ok {
				return "calls fail: they would go out unencrypted, which the rule does not allow"
			}
		}
		return "not encrypted"
	}
	common := tls.GetCommonTlsContext()
	validation := common.GetValidationContext()
	text := "encrypted, without a certificate of the client"
	if provider := common.GetTlsCertificateProviderInstance().GetInstanceName(); provider != "" {
		text = fmt.Sprintf("encrypted, with the client's certificate of its provider %q", provider)
	}
	if provider := validation.GetCaCertificateProviderInstance().GetInstanceName(); provider != "" {
		text += fmt.Sprintf("; the authorities of its provider %q vouch for the server", provider)
	} else {
		text += "; the authorities that the client's machine trusts vouch for the server"
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

// policyName is the policy's own, or that of the one inside the weighing of localities.
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
