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

// visible are the headers that gRPC clients show to routing, but for those that end in -bin or that gRPC writes itself.
var visible = regexp.MustCompile(`^[a-z0-9_.-]+$`)

// linter collects what a gRPC client of any language would refuse, or read differently from others. It is stricter than each
// of them; grpc-go's own reading is tested besides, through a real client.
type linter []string

func (l *linter) expect(ok bool, format string, args ...any) {
	if !ok {
		*l = append(*l, fmt.Sprintf(format, args...))
	}
}

// Complaints looks at one resource.
func Complaints(r resource.Resource) []string {
	var l linter
	_, err := proto.Marshal(r.Message)
	l.expect(err == nil, "cannot be marshaled: %v", err)
	l.expect(r.Name != "", "has no name")
	l.numbers(r.Message)
	switch m := r.Message.(type) {
	case *routev3.RouteConfiguration:
		l.expect(m.GetName() == r.Name, "bears another name: %q", m.GetName())
		l.table(m)
	case *clusterv3.Cluster:
		l.expect(m.GetName() == r.Name, "bears another name: %q", m.GetName())
		l.cluster(m)
	case *endpointv3.ClusterLoadAssignment:
		l.expect(m.GetClusterName() == r.Name, "bears another name: %q", m.GetClusterName())
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
	l.expect(len(m.GetVirtualHosts()) == 1, "has %d virtual hosts, which Rust refuses unless there is one", len(m.GetVirtualHosts()))
	for _, host := range m.GetVirtualHosts() {
		l.expect(len(host.GetDomains()) == 1 && host.GetDomains()[0] == resource.AnyDomain, "has domains %q", host.GetDomains())
		for _, route := range host.GetRoutes() {
			l.match(route.GetMatch())
			l.expect(route.GetRoute() != nil, "has an action that Java and Node refuse: %T", route.GetAction())
			l.action(route.GetRoute())
			for name, packed := range route.GetTypedPerFilterConfig() {
				l.expect(name == "envoy.filters.http.fault" && packed.UnmarshalTo(&faultv3.HTTPFault{}) == nil, "overrides the filter %q", name)
			}
		}
	}
}

func (l *linter) match(m *routev3.RouteMatch) {
	l.expect(m.GetCaseSensitive() != nil, "leaves case_sensitive open, which Java reads as false")
	l.expect(len(m.GetQueryParameters())+len(m.GetDynamicMetadata())+len(m.GetFilterState())+len(m.GetCookies()) == 0, "has a match that clients ignore: %v", m)
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix, *routev3.RouteMatch_Path:
	case *routev3.RouteMatch_SafeRegex:
		l.expression(path.SafeRegex.GetRegex())
	default:
		l.expect(false, "has a path of a kind that clients refuse: %T", path)
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
		l.expect(s.GetPrefix() != "" || !strings.Contains(fmt.Sprintf("%T", s.GetMatchPattern()), "Prefix"), "has an empty prefix, which Go refuses")
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
	l.expect(a.GetMaxStreamDuration().GetMaxStreamDuration() != nil && a.GetMaxStreamDuration().GetGrpcTimeoutHeaderMax() != nil, "leaves the limit open")
	l.expect(a.GetMaxStreamDuration().GetMaxStreamDuration().AsDuration() >= 0, "has a limit below zero")
	if weighted := a.GetWeightedClusters(); weighted != nil {
		sum, seen := uint64(0), map[string]bool{}
		for _, c := range weighted.GetClusters() {
			l.expect(c.GetName() != "" && !seen[c.GetName()], "names the cluster %q again, or not at all", c.GetName())
			l.expect(c.GetWeight().GetValue() > 0, "has a cluster that weighs nothing")
			sum += uint64(c.GetWeight().GetValue())
			seen[c.GetName()] = true
		}
		l.expect(sum > 0 && sum <= math.MaxInt32, "has weights whose sum is %d", sum)
		total := weighted.GetTotalWeight().GetValue() //nolint:staticcheck // for those that read it
		l.expect(uint64(total) == sum, "states the sum %d of weights that sum to %d, which old clients refuse", total, sum)
	} else {
		l.expect(a.GetCluster() != "", "has no cluster, which C-core refuses")
	}
	for _, h := range a.GetHashPolicy() {
		name := h.GetHeader().GetHeaderName()
		l.expect(h.GetFilterState().GetKey() == "io.grpc.channel_id" || visible.MatchString(name), "hashes what clients do not see: %v", h)
	}
	retry := a.GetRetryPolicy()
	if retry == nil {
		return
	}
	n, pause := retry.GetNumRetries().GetValue(), retry.GetRetryBackOff()
	l.expect(n >= 1 && n <= 4, "makes %d retries", n)
	l.expect(retry.GetRetryOn() != "" && !strings.Contains(retry.GetRetryOn(), " "), "retries on %q, which C-core does not read", retry.GetRetryOn())
	l.expect(pause.GetBaseInterval().AsDuration() > 0 && pause.GetMaxInterval().AsDuration() >= pause.GetBaseInterval().AsDuration(), "backs off by %v", pause)
}

func (l *linter) cluster(m *clusterv3.Cluster) {
	if m.GetType() == clusterv3.Cluster_LOGICAL_DNS {
		groups := m.GetLoadAssignment().GetEndpoints()
		l.expect(len(groups) == 1 && len(groups[0].GetLbEndpoints()) == 1, "resolves %d groups, not one name", len(groups))
	} else {
		l.expect(m.GetType() == clusterv3.Cluster_EDS, "has type %s", m.GetType())
		l.expect(m.GetEdsClusterConfig().GetEdsConfig().GetAds() != nil && m.GetEdsClusterConfig().GetServiceName() != "", "has endpoints of another kind")
	}
	l.expect(m.GetLbPolicy() == clusterv3.Cluster_ROUND_ROBIN, "has the policy %s, which C-core and Node refuse", m.GetLbPolicy())
	policies := m.GetLoadBalancingPolicy().GetPolicies()
	l.expect(len(policies) > 0, "has no list of policies")
	for _, p := range policies {
		l.ring(p.GetTypedExtensionConfig().GetTypedConfig())
		l.inLocalities(p.GetTypedExtensionConfig().GetTypedConfig())
	}
	thresholds := m.GetCircuitBreakers().GetThresholds()
	l.ejection(m.GetOutlierDetection())
	l.expect(len(m.GetTransportSocketMatches()) == 0, "chooses among sockets, which clients refuse")
	l.socket(m.GetTransportSocket())
	l.expect(len(thresholds) == 1 && thresholds[0].GetMaxRequests().GetValue() > 0, "leaves the number of requests open: %v", thresholds)
}

func (l *linter) inLocalities(policy *anypb.Any) {
	m := &wrrlocalityv3.WrrLocality{}
	if policy.UnmarshalTo(m) != nil {
		return
	}
	known := slices.ContainsFunc(m.GetEndpointPickingPolicy().GetPolicies(), func(p *clusterv3.LoadBalancingPolicy_Policy) bool {
		return p.GetTypedExtensionConfig().GetTypedConfig().MessageIs(&roundrobinv3.RoundRobin{})
	})
	l.expect(known, "has localities without round robin, which C-core and Node refuse: %v", m)
}

func (l *linter) ring(policy *anypb.Any) {
	m := &ringhashv3.RingHash{}
	if policy.UnmarshalTo(m) != nil {
		return
	}
	l.expect(m.GetHashFunction() == ringhashv3.RingHash_XX_HASH, "hashes by %s", m.GetHashFunction())
	l.expect(m.GetMinimumRingSize() == nil && m.GetMaximumRingSize() == nil, "has a ring of a size, which Node refuses: %v", m)
}

func (l *linter) ejection(o *clusterv3.OutlierDetection) {
	if o == nil {
		return
	}
	l.expect(o.GetEnforcingSuccessRate() != nil && o.GetEnforcingFailurePercentage() != nil, "leaves open what is enforced, which clients read differently")
	for _, d := range []*durationpb.Duration{o.GetInterval(), o.GetBaseEjectionTime(), o.GetMaxEjectionTime()} {
		l.expect(d.CheckValid() == nil && d.AsDuration() > 0, "ejects by the duration %v", d)
	}
	for _, percent := range []*wrapperspb.UInt32Value{
		o.GetMaxEjectionPercent(), o.GetEnforcingSuccessRate(), o.GetEnforcingFailurePercentage(), o.GetFailurePercentageThreshold(),
	} {
		l.expect(percent.GetValue() <= 100, "has %d percent", percent.GetValue())
	}
}

// socket holds TLS against all clients' reading: certificates come from providers by name, and nothing else is looked at but
// the names of the server.
func (l *linter) socket(socket *corev3.TransportSocket) {
	if socket == nil {
		return
	}
	m := &tlsv3.UpstreamTlsContext{}
	l.expect(socket.GetName() == "envoy.transport_sockets.tls" && socket.GetTypedConfig().UnmarshalTo(m) == nil, "has a socket that clients do not know: %v", socket)
	l.expect(len(m.GetSni()) <= 255, "has a server name of %d bytes, which Go refuses", len(m.GetSni()))
	common, v := m.GetCommonTlsContext(), m.GetCommonTlsContext().GetValidationContext()
	allowed := &tlsv3.CommonTlsContext{
		TlsCertificateProviderInstance: common.GetTlsCertificateProviderInstance(),
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			CaCertificateProviderInstance: v.GetCaCertificateProviderInstance(), SystemRootCerts: v.GetSystemRootCerts(),
			MatchSubjectAltNames: v.GetMatchSubjectAltNames(), //nolint:staticcheck // gRPC reads no other
		}},
	}
	l.expect(proto.Equal(common, allowed), "has TLS settings that clients refuse or ignore: %v", common)
	l.expect((v.GetCaCertificateProviderInstance() == nil) == (v.GetSystemRootCerts() != nil), "trusts no authority, or two kinds: %v", v)
	for _, instance := range []*tlsv3.CertificateProviderPluginInstance{common.GetTlsCertificateProviderInstance(), v.GetCaCertificateProviderInstance()} {
		l.expect(instance == nil || instance.GetInstanceName() != "", "names a provider without a name")
	}
	names := v.GetMatchSubjectAltNames() //nolint:staticcheck // gRPC reads no other
	l.expect(len(names) > 0, "takes any server with a certificate")
	for _, name := range names {
		l.expect(name.GetExact() != "" && !name.GetIgnoreCase(), "takes servers by the name %v", name)
	}
}

func (l *linter) endpoints(m *endpointv3.ClusterLoadAssignment) {
	type place struct {
		priority uint32
		locality string
	}
	addresses, places, sum, next := map[string]bool{}, map[place]bool{}, uint64(0), uint32(0)
	for _, group := range m.GetEndpoints() {
		l.expect(group.GetLocality() != nil && group.GetLoadBalancingWeight().GetValue() > 0, "has a locality that clients refuse or ignore: %v", group)
		l.expect(group.GetPriority() == next || group.GetPriority()+1 == next, "has priority %d where %d is next", group.GetPriority(), next)
		next = group.GetPriority() + 1
		where := place{group.GetPriority(), group.GetLocality().String()}
		l.expect(!places[where], "has a locality twice: %v", where)
		places[where] = true
		sum += uint64(group.GetLoadBalancingWeight().GetValue())
		l.expect(len(group.GetLbEndpoints()) > 0, "has an empty locality")
		for _, e := range group.GetLbEndpoints() {
			l.expect(e.GetLoadBalancingWeight().GetValue() > 0, "has an endpoint that weighs nothing, which Go refuses")
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
	l.expect(err == nil && port > 0 && port <= math.MaxUint16, "has the address %q and port %d, which Java and Node refuse", text, port)
	return Socket(text, port)
}
