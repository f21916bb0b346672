package translatetest

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// visible matches the headers that the routing of gRPC clients sees, except that it does not exclude names that end
// with -bin and names that gRPC sets itself.
var visible = regexp.MustCompile(`^[a-z0-9_.-]+$`)

// linter collects the parts of a resource that a gRPC client in any language would reject, or interpret differently
// from others. It is stricter than each client. TestAcceptance tests grpc-go itself.
type linter []string

func (l *linter) expect(ok bool, format string, args ...any) {
	if !ok {
		*l = append(*l, fmt.Sprintf(format, args...))
	}
}

// Complaints returns the reasons for which a gRPC client in any language would reject a resource or interpret it
// differently from others. It is independent of package clientrules.
func Complaints(r resource.Resource) []string {
	var l linter
	_, err := proto.Marshal(r.Message)
	l.expect(err == nil, "cannot be marshaled: %v", err)
	l.expect(r.Name != "", "has no name")
	l.numbers(r.Message)
	switch m := r.Message.(type) {
	case *routev3.RouteConfiguration:
		l.expect(m.GetName() == r.Name, "has another name: %q", m.GetName())
		l.table(m)
	case *clusterv3.Cluster:
		l.expect(m.GetName() == r.Name, "has another name: %q", m.GetName())
		l.cluster(m)
	case *endpointv3.ClusterLoadAssignment:
		l.expect(m.GetClusterName() == r.Name, "has another name: %q", m.GetClusterName())
		l.endpoints(m)
	}
	return l
}

// numbers looks at all numbers of 32 bits, those in packed messages included: gRPC Java reads them with their sign.
func (l *linter) numbers(m proto.Message) {
	err := protorange.Range(m.ProtoReflect(), func(p protopath.Values) error {
		if n, ok := p.Index(-1).Value.Interface().(uint32); ok && n > math.MaxInt32 {
			return fmt.Errorf("has the number %d at %s, which Java takes for less than 0", n, p.Path)
		}
		return nil
	})
	l.expect(err == nil, "%v", err)
}

func (l *linter) table(m *routev3.RouteConfiguration) {
	l.expect(len(m.GetVirtualHosts()) == 1, "has %d virtual hosts, but Rust rejects it without exactly one", len(m.GetVirtualHosts()))
	for _, host := range m.GetVirtualHosts() {
		l.expect(len(host.GetDomains()) == 1 && host.GetDomains()[0] == resource.AnyDomain, "has domains %q", host.GetDomains())
		for _, route := range host.GetRoutes() {
			l.match(route.GetMatch())
			l.expect(route.GetRoute() != nil, "has an action that Java and Node reject: %T", route.GetAction())
			l.action(route.GetRoute())
			for name, packed := range route.GetTypedPerFilterConfig() {
				l.expect(name == "envoy.filters.http.fault" && packed.UnmarshalTo(&faultv3.HTTPFault{}) == nil, "overrides the filter %q", name)
			}
		}
	}
}

func (l *linter) match(m *routev3.RouteMatch) {
	l.expect(m.GetCaseSensitive() != nil, "does not set case_sensitive, which Java treats as false")
	l.expect(len(m.GetQueryParameters())+len(m.GetDynamicMetadata())+len(m.GetFilterState())+len(m.GetCookies()) == 0, "has a match that clients ignore: %v", m)
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix, *routev3.RouteMatch_Path:
	case *routev3.RouteMatch_SafeRegex:
		l.expression(path.SafeRegex.GetRegex())
	default:
		l.expect(false, "has a path match that clients reject: %T", path)
	}
	for _, h := range m.GetHeaders() {
		l.expect(h.GetName() != "" && h.GetName() == strings.ToLower(h.GetName()), "has the header %q", h.GetName())
		switch how := h.GetHeaderMatchSpecifier().(type) {
		case *routev3.HeaderMatcher_PresentMatch:
			continue
		case *routev3.HeaderMatcher_ExactMatch:
			continue
		case *routev3.HeaderMatcher_SafeRegexMatch:
			l.expression(how.SafeRegexMatch.GetRegex()) //nolint:staticcheck // for old clients
			continue
		}
		s := h.GetStringMatch()
		l.expect(s != nil, "has a header without a condition: %v", h)
		l.expect(s.GetPrefix() != "" || !strings.Contains(fmt.Sprintf("%T", s.GetMatchPattern()), "Prefix"), "has an empty prefix, which Go rejects")
		if s.GetSafeRegex() != nil {
			l.expression(s.GetSafeRegex().GetRegex())
		}
	}
}

func (l *linter) expression(text string) {
	_, err := regexp.Compile(text)
	l.expect(err == nil, "has an expression that no client compiles: %v", err)
}

func (l *linter) action(a *routev3.RouteAction) {
	l.expect(a.GetMaxStreamDuration().GetMaxStreamDuration() != nil && a.GetMaxStreamDuration().GetGrpcTimeoutHeaderMax() != nil, "does not set the maximum stream duration")
	l.expect(a.GetMaxStreamDuration().GetMaxStreamDuration().AsDuration() >= 0, "has a negative maximum stream duration")
	if weighted := a.GetWeightedClusters(); weighted != nil {
		sum, seen := uint64(0), map[string]bool{}
		for _, c := range weighted.GetClusters() {
			l.expect(c.GetName() != "" && !seen[c.GetName()], "has the cluster %q twice or without a name", c.GetName())
			l.expect(c.GetWeight().GetValue() > 0, "has a cluster of weight 0")
			sum += uint64(c.GetWeight().GetValue())
			seen[c.GetName()] = true
		}
		l.expect(sum > 0 && sum <= math.MaxInt32, "has weights whose sum is %d", sum)
		total := weighted.GetTotalWeight().GetValue() //nolint:staticcheck // for those that read it
		l.expect(uint64(total) == sum, "states the sum %d of weights that sum to %d, which old clients refuse", total, sum)
	} else {
		l.expect(a.GetCluster() != "", "has no cluster, which C-core rejects")
	}
	for _, h := range a.GetHashPolicy() {
		name := h.GetHeader().GetHeaderName()
		l.expect(h.GetFilterState().GetKey() == "io.grpc.channel_id" || visible.MatchString(name), "hashes a property that clients do not have: %v", h)
	}
	retry := a.GetRetryPolicy()
	if retry == nil {
		return
	}
	n, pause := retry.GetNumRetries().GetValue(), retry.GetRetryBackOff()
	l.expect(n >= 1 && n <= 4, "has %d retries", n)
	l.expect(retry.GetRetryOn() != "" && !strings.Contains(retry.GetRetryOn(), " "), "retries on %q, which C-core does not parse", retry.GetRetryOn())
	l.expect(pause.GetBaseInterval().AsDuration() > 0 && pause.GetMaxInterval().AsDuration() >= pause.GetBaseInterval().AsDuration(), "has the back-off %v", pause)
}

func (l *linter) cluster(m *clusterv3.Cluster) {
	if m.GetType() == clusterv3.Cluster_LOGICAL_DNS {
		groups := m.GetLoadAssignment().GetEndpoints()
		l.expect(len(groups) == 1 && len(groups[0].GetLbEndpoints()) == 1, "has %d localities to resolve, not one name", len(groups))
	} else {
		l.expect(m.GetType() == clusterv3.Cluster_EDS, "has type %s", m.GetType())
		l.expect(m.GetEdsClusterConfig().GetEdsConfig().GetAds() != nil && m.GetEdsClusterConfig().GetServiceName() != "", "has no EDS service name on ADS")
	}
	l.expect(m.GetLbPolicy() == clusterv3.Cluster_ROUND_ROBIN, "has the policy %s, which C-core and Node reject", m.GetLbPolicy())
	policies := m.GetLoadBalancingPolicy().GetPolicies()
	l.expect(len(policies) > 0, "has no list of load balancing policies")
	for _, p := range policies {
		l.ring(p.GetTypedExtensionConfig().GetTypedConfig())
		l.inLocalities(p.GetTypedExtensionConfig().GetTypedConfig())
	}
	thresholds := m.GetCircuitBreakers().GetThresholds()
	l.ejection(m.GetOutlierDetection())
	l.expect(len(m.GetTransportSocketMatches()) == 0, "has transport socket matches, which clients reject")
	l.socket(m.GetTransportSocket())
	l.expect(len(thresholds) == 1 && thresholds[0].GetMaxRequests().GetValue() > 0, "does not set the maximum number of requests: %v", thresholds)
}

func (l *linter) inLocalities(policy *anypb.Any) {
	m := &wrrlocalityv3.WrrLocality{}
	if policy.UnmarshalTo(m) != nil {
		return
	}
	known := slices.ContainsFunc(m.GetEndpointPickingPolicy().GetPolicies(), func(p *clusterv3.LoadBalancingPolicy_Policy) bool {
		return p.GetTypedExtensionConfig().GetTypedConfig().MessageIs(&roundrobinv3.RoundRobin{})
	})
	l.expect(known, "has localities without round robin, which C-core and Node reject: %v", m)
}

func (l *linter) ring(policy *anypb.Any) {
	m := &ringhashv3.RingHash{}
	if policy.UnmarshalTo(m) != nil {
		return
	}
	l.expect(m.GetHashFunction() == ringhashv3.RingHash_XX_HASH, "has the hash function %s", m.GetHashFunction())
	l.expect(m.GetMinimumRingSize() == nil && m.GetMaximumRingSize() == nil, "sets a ring size, which Node rejects: %v", m)
}

func (l *linter) ejection(o *clusterv3.OutlierDetection) {
	if o == nil {
		return
	}
	l.expect(o.GetEnforcingSuccessRate() != nil && o.GetEnforcingFailurePercentage() != nil, "does not set both enforcing percentages, for which clients have different defaults")
	for _, d := range []*durationpb.Duration{o.GetInterval(), o.GetBaseEjectionTime(), o.GetMaxEjectionTime()} {
		l.expect(d.CheckValid() == nil && d.AsDuration() > 0, "has the outlier detection duration %v", d)
	}
	for _, percent := range []*wrapperspb.UInt32Value{
		o.GetMaxEjectionPercent(), o.GetEnforcingSuccessRate(), o.GetEnforcingFailurePercentage(), o.GetFailurePercentageThreshold(),
	} {
		l.expect(percent.GetValue() <= 100, "has the outlier detection percentage %d", percent.GetValue())
	}
}

// socket checks the TLS settings: certificates come from named providers, and of the other fields clients read only
// the accepted names and the SNI.
func (l *linter) socket(socket *corev3.TransportSocket) {
	if socket == nil {
		return
	}
	m := &tlsv3.UpstreamTlsContext{}
	l.expect(socket.GetName() == "envoy.transport_sockets.tls" && socket.GetTypedConfig().UnmarshalTo(m) == nil, "has a transport socket that is not TLS: %v", socket)
	l.expect(len(m.GetSni()) <= 255, "has a server name of %d bytes, which Go rejects", len(m.GetSni()))
	common, v := m.GetCommonTlsContext(), m.GetCommonTlsContext().GetValidationContext()
	allowed := &tlsv3.CommonTlsContext{
		TlsCertificateProviderInstance: common.GetTlsCertificateProviderInstance(),
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			CaCertificateProviderInstance: v.GetCaCertificateProviderInstance(), SystemRootCerts: v.GetSystemRootCerts(),
			MatchSubjectAltNames: v.GetMatchSubjectAltNames(), //nolint:staticcheck // gRPC reads only this field
		}},
	}
	l.expect(proto.Equal(common, allowed), "has TLS settings that clients reject or ignore: %v", common)
	l.expect((v.GetCaCertificateProviderInstance() == nil) == (v.GetSystemRootCerts() != nil), "has no certificate authority, or two kinds: %v", v)
	for _, instance := range []*tlsv3.CertificateProviderPluginInstance{common.GetTlsCertificateProviderInstance(), v.GetCaCertificateProviderInstance()} {
		l.expect(instance == nil || instance.GetInstanceName() != "", "has a certificate provider without a name")
	}
	names := v.GetMatchSubjectAltNames() //nolint:staticcheck // gRPC reads only this field
	l.expect(len(names) > 0, "accepts a server with any name")
	for _, name := range names {
		l.expect(name.GetExact() != "" && !name.GetIgnoreCase(), "accepts servers with the name %v, which is not exact", name)
	}
}

func (l *linter) endpoints(m *endpointv3.ClusterLoadAssignment) {
	addresses, localities, sum, next := map[string]bool{}, map[string]bool{}, uint64(0), uint32(0)
	for _, group := range m.GetEndpoints() {
		l.expect(group.GetLocality() != nil && group.GetLoadBalancingWeight().GetValue() > 0, "has a locality that clients reject or ignore: %v", group)
		l.expect(group.GetPriority() == next || group.GetPriority()+1 == next, "has priority %d where %d is next", group.GetPriority(), next)
		next = group.GetPriority() + 1
		where := group.GetLocality().String()
		l.expect(!localities[where], "has a locality twice, of which Java forgets one even in another priority: %v", where)
		localities[where] = true
		sum += uint64(group.GetLoadBalancingWeight().GetValue())
		l.expect(len(group.GetLbEndpoints()) > 0, "has an empty locality")
		for _, e := range group.GetLbEndpoints() {
			l.expect(e.GetLoadBalancingWeight().GetValue() > 0, "has an endpoint of weight 0, which Go rejects")
			all := []string{l.address(e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress(), e.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue())}
			for _, other := range e.GetEndpoint().GetAdditionalAddresses() {
				all = append(all, l.address(other.GetAddress().GetSocketAddress().GetAddress(), other.GetAddress().GetSocketAddress().GetPortValue()))
			}
			for _, a := range all {
				l.expect(!addresses[a], "has the address %s twice", a)
				addresses[a] = true
			}
		}
	}
	l.expect(sum <= math.MaxInt32, "has localities whose weights sum to %d", sum)
}

func (l *linter) address(text string, port uint32) string {
	_, err := netip.ParseAddr(text)
	l.expect(err == nil && port > 0 && port <= math.MaxUint16, "has the address %q and port %d, which Java and Node reject", text, port)
	return Socket(text, port)
}

// Constraints returns which constraints of Envoy's API a message breaks; nil if it breaks none. HTTP clients rely on them.
func Constraints(m proto.Message) error {
	constrained, ok := m.(interface{ ValidateAll() error })
	if !ok {
		return fmt.Errorf("%T states no constraints", m)
	}
	return constrained.ValidateAll()
}
