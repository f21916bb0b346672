package clientrules_test

import (
	"math"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	aggregatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	weightedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	randomv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func clusterCases() map[string]test {
	kind := func(k clusterv3.Cluster_DiscoveryType) *clusterv3.Cluster {
		return cluster(func(m *clusterv3.Cluster) { m.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: k} })
	}
	dns := func(groups ...*endpointv3.LocalityLbEndpoints) *clusterv3.Cluster {
		m := kind(clusterv3.Cluster_LOGICAL_DNS)
		m.LoadAssignment = &endpointv3.ClusterLoadAssignment{Endpoints: groups}
		return m
	}
	aggregate := func(clusters ...string) *clusterv3.Cluster {
		return cluster(func(m *clusterv3.Cluster) {
			m.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
				Name: "envoy.clusters.aggregate", TypedConfig: pack(&aggregatev3.ClusterConfig{Clusters: clusters}),
			}}
		})
	}
	// Clients subscribe to the cluster c, so a test that needs another name changes the name last.
	xdstp := func(endpoints string) *clusterv3.Cluster {
		return cluster(func(m *clusterv3.Cluster) { m.Name, m.EdsClusterConfig.ServiceName = "xdstp://a/b", endpoints })
	}
	ejects := func(o *clusterv3.OutlierDetection) *clusterv3.Cluster {
		return cluster(func(m *clusterv3.Cluster) { m.OutlierDetection = o })
	}
	return map[string]test{
		"good":                {cluster(nothing[*clusterv3.Cluster]), ""},
		"static":              {kind(clusterv3.Cluster_STATIC), notRust},
		"endpoints elsewhere": {cluster(func(m *clusterv3.Cluster) { m.EdsClusterConfig.EdsConfig = &corev3.ConfigSource{} }), notRust},
		"resolved":            {dns(locality("a", 0, "example.com")), ""},
		"resolved, two names": {dns(locality("a", 0, "example.com"), locality("b", 0, "example.org")), notRust},
		"resolved, no name":   {dns(locality("a", 0, "")), notRust},
		"aggregate":           {aggregate("d"), ""},
		"aggregate of none":   {aggregate(), notRust},
		"reported elsewhere":  {cluster(func(m *clusterv3.Cluster) { m.LrsServer = &corev3.ConfigSource{} }), notRust},
		"addressed":           {xdstp("e"), ""},
		"addressed by half":   {xdstp(""), notRust},
		"ejects":              {ejects(&clusterv3.OutlierDetection{Interval: durationpb.New(0), MaxEjectionPercent: wrapperspb.UInt32(100)}), ""},
		"ejects backwards":    {ejects(&clusterv3.OutlierDetection{Interval: durationpb.New(-time.Second)}), notRust},
		"ejects by too many":  {ejects(&clusterv3.OutlierDetection{FailurePercentageRequestVolume: wrapperspb.UInt32(math.MaxInt32 + 1)}), "J"},
		"ejects too long":     {ejects(&clusterv3.OutlierDetection{BaseEjectionTime: &durationpb.Duration{Seconds: math.MaxInt64}}), notRust},
		"ejects too many":     {ejects(&clusterv3.OutlierDetection{EnforcingSuccessRate: wrapperspb.UInt32(101)}), notRust},
	}
}

func balancingCases() map[string]test {
	enum := func(p clusterv3.Cluster_LbPolicy, change func(*clusterv3.Cluster)) *clusterv3.Cluster {
		return cluster(func(m *clusterv3.Cluster) {
			m.LbPolicy, m.LoadBalancingPolicy = p, nil
			change(m)
		})
	}
	near := func(all ...proto.Message) proto.Message {
		return &wrrlocalityv3.WrrLocality{EndpointPickingPolicy: policies(all...)}
	}
	ring := func(low, high uint64) *ringhashv3.RingHash {
		return &ringhashv3.RingHash{
			HashFunction: ringhashv3.RingHash_XX_HASH, MinimumRingSize: wrapperspb.UInt64(low), MaximumRingSize: wrapperspb.UInt64(high),
		}
	}
	deep := near(&roundrobinv3.RoundRobin{})
	for range 16 {
		deep = near(deep)
	}
	return map[string]test{
		"no list":                    {enum(clusterv3.Cluster_ROUND_ROBIN, nothing[*clusterv3.Cluster]), ""},
		"maglev":                     {enum(clusterv3.Cluster_MAGLEV, nothing[*clusterv3.Cluster]), all},
		"ring by enum":               {enum(clusterv3.Cluster_RING_HASH, nothing[*clusterv3.Cluster]), "R"},
		"least request by enum":      {enum(clusterv3.Cluster_LEAST_REQUEST, nothing[*clusterv3.Cluster]), "CN"},
		"one choice by enum":         {enum(clusterv3.Cluster_LEAST_REQUEST, func(m *clusterv3.Cluster) { m.LbConfig = oneChoice() }), "GJCN"},
		"empty list":                 {balanced(), notRust},
		"nothing known":              {balanced(&randomv3.Random{}), notRust},
		"known at last":              {balanced(&randomv3.Random{}, near(&roundrobinv3.RoundRobin{})), ""},
		"localities of nothing":      {balanced(near(), &roundrobinv3.RoundRobin{}), notRust},
		"least request only":         {balanced(near(&leastrequestv3.LeastRequest{}), &roundrobinv3.RoundRobin{}), "CN"},
		"least request, then round":  {balanced(near(&leastrequestv3.LeastRequest{}, &roundrobinv3.RoundRobin{})), ""},
		"one choice":                 {balanced(&leastrequestv3.LeastRequest{ChoiceCount: wrapperspb.UInt32(1)}, &roundrobinv3.RoundRobin{}), "GJ"},
		"first":                      {balanced(&pickfirstv3.PickFirst{}), "N"},
		"by load":                    {balanced(near(&weightedv3.ClientSideWeightedRoundRobin{}, &roundrobinv3.RoundRobin{})), ""},
		"by negative load":           {balanced(&weightedv3.ClientSideWeightedRoundRobin{ErrorUtilizationPenalty: wrapperspb.Float(-1)}, &roundrobinv3.RoundRobin{}), "GJC"},
		"by load, backwards":         {balanced(&weightedv3.ClientSideWeightedRoundRobin{BlackoutPeriod: durationpb.New(-time.Second)}, &roundrobinv3.RoundRobin{}), "C"},
		"unreadable":                 {cluster(func(m *clusterv3.Cluster) { garble(m.LoadBalancingPolicy) }), notRust},
		"ring":                       {balanced(&ringhashv3.RingHash{HashFunction: ringhashv3.RingHash_XX_HASH}), ""},
		"ring of unknown hash":       {balanced(&ringhashv3.RingHash{HashFunction: ringhashv3.RingHash_MURMUR_HASH_2}), notRust},
		"ring of a size":             {balanced(ring(64, 1024)), "N"},
		"ring of no size":            {balanced(ring(0, 1024)), "JCN"},
		"ring too large":             {balanced(ring(64, 9<<20)), notRust},
		"ring of impossible size":    {balanced(ring(64, 32)), notRust},
		"nested":                     {balanced(deep), notRust},
		"enum besides a good list":   {enum(clusterv3.Cluster_MAGLEV, func(m *clusterv3.Cluster) { m.LoadBalancingPolicy = policies(&roundrobinv3.RoundRobin{}) }), all},
		"round robin, no localities": {balanced(&roundrobinv3.RoundRobin{}), ""},
	}
}

func garble(list *clusterv3.LoadBalancingPolicy) {
	list.GetPolicies()[0].GetTypedExtensionConfig().GetTypedConfig().Value = []byte("x")
}

func oneChoice() *clusterv3.Cluster_LeastRequestLbConfig_ {
	return &clusterv3.Cluster_LeastRequestLbConfig_{LeastRequestLbConfig: &clusterv3.Cluster_LeastRequestLbConfig{ChoiceCount: wrapperspb.UInt32(1)}}
}

func transportCases() map[string]test {
	validation := func(change func(*tlsv3.CertificateValidationContext)) *clusterv3.Cluster {
		return encrypted(func(m *tlsv3.CommonTlsContext) { change(m.GetValidationContext()) })
	}
	socket := func(name string, m proto.Message) *clusterv3.Cluster {
		return cluster(func(c *clusterv3.Cluster) {
			c.TransportSocket = &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(m)}}
		})
	}
	const tls = "envoy.transport_sockets.tls"
	return map[string]test{
		"good":              {encrypted(nothing[*tlsv3.CommonTlsContext]), ""},
		"no certificate":    {encrypted(func(m *tlsv3.CommonTlsContext) { m.TlsCertificateProviderInstance = nil }), ""},
		"another provider":  {encrypted(func(m *tlsv3.CommonTlsContext) { m.TlsCertificateProviderInstance.InstanceName = "other" }), all},
		"by endpoint":       {cluster(func(m *clusterv3.Cluster) { m.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{}} }), notRust},
		"another transport": {socket("raw", &tlsv3.UpstreamTlsContext{}), all},
		"a server's":        {socket(tls, &tlsv3.DownstreamTlsContext{}), all},
		"nothing said":      {socket(tls, &tlsv3.UpstreamTlsContext{}), all},
		"parameters":        {encrypted(func(m *tlsv3.CommonTlsContext) { m.TlsParams = &tlsv3.TlsParameters{} }), all},
		"certificate in place": {encrypted(func(m *tlsv3.CommonTlsContext) {
			m.TlsCertificateProviderInstance, m.TlsCertificates = nil, []*tlsv3.TlsCertificate{{}}
		}), all},
		"nobody trusted": {validation(func(m *tlsv3.CertificateValidationContext) { m.CaCertificateProviderInstance = nil }), all},
		"system trusted": {validation(func(m *tlsv3.CertificateValidationContext) {
			m.CaCertificateProviderInstance, m.SystemRootCerts = nil, &tlsv3.CertificateValidationContext_SystemRootCerts{}
		}), all},
		"hash of a certificate": {validation(func(m *tlsv3.CertificateValidationContext) { m.VerifyCertificateHash = []string{"a"} }), all},
		"names": {validation(func(m *tlsv3.CertificateValidationContext) {
			m.MatchSubjectAltNames = []*matcherv3.StringMatcher{{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "a"}}} //nolint:staticcheck // what grpc-go reads
		}), ""},
		"combined": {encrypted(func(m *tlsv3.CommonTlsContext) {
			m.ValidationContextType = &tlsv3.CommonTlsContext_CombinedValidationContext{
				CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{DefaultValidationContext: m.GetValidationContext()},
			}
		}), ""},
		"name of no form": {validation(func(m *tlsv3.CertificateValidationContext) {
			m.MatchSubjectAltNames = []*matcherv3.StringMatcher{{}} //nolint:staticcheck // what grpc-go reads
		}), all},
	}
}

func endpointCases() map[string]test {
	first := func(change func(*endpointv3.LocalityLbEndpoints)) *endpointv3.ClusterLoadAssignment {
		return endpoints(func(m *endpointv3.ClusterLoadAssignment) { change(m.GetEndpoints()[0]) })
	}
	address := func(text string, port uint32) *endpointv3.ClusterLoadAssignment {
		return first(func(l *endpointv3.LocalityLbEndpoints) {
			l.GetLbEndpoints()[0].GetEndpoint().Address = socket(text, port)
		})
	}
	weigh := func(weights ...uint32) *endpointv3.ClusterLoadAssignment {
		return first(func(l *endpointv3.LocalityLbEndpoints) {
			for i, w := range weights {
				e := locality("", 0, "10.0.1."+string(rune('1'+i))).GetLbEndpoints()[0]
				e.LoadBalancingWeight = wrapperspb.UInt32(w)
				l.LbEndpoints = append(l.LbEndpoints, e)
			}
		})
	}
	return map[string]test{
		"good":              {endpoints(nothing[*endpointv3.ClusterLoadAssignment]), ""},
		"none":              {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints = nil }), ""},
		"no locality":       {first(func(l *endpointv3.LocalityLbEndpoints) { l.Locality = nil }), "GCN"},
		"gap":               {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints[1].Priority = 2 }), notRust},
		"weightless":        {first(func(l *endpointv3.LocalityLbEndpoints) { l.LoadBalancingWeight = nil }), "GJC"},
		"weightless at end": {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints[1].LoadBalancingWeight = nil }), ""},
		"twice":             {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints[1] = locality("a", 0, "10.0.0.2") }), notRust},
		"in two priorities": {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints[1] = locality("a", 1, "10.0.0.2") }), "J"},
		"too heavy": {endpoints(func(m *endpointv3.ClusterLoadAssignment) {
			m.Endpoints[1].Priority = 0
			m.Endpoints[1].LoadBalancingWeight = wrapperspb.UInt32(math.MaxUint32)
		}), notRust},
		"endpoint of no weight": {weigh(0), "GC"},
		"endpoints too heavy":   {weigh(1<<31, 1<<31), "G"},
		"same address":          {endpoints(func(m *endpointv3.ClusterLoadAssignment) { m.Endpoints[1] = locality("b", 1, "10.0.0.1") }), "GCN"},
		"same further address": {first(func(l *endpointv3.LocalityLbEndpoints) {
			l.GetLbEndpoints()[0].GetEndpoint().AdditionalAddresses = []*endpointv3.Endpoint_AdditionalAddress{{Address: socket("10.0.0.2", 80)}}
		}), "GCN"},
		"host name":      {address("example.com", 80), "JCN"},
		"port too large": {address("10.0.0.9", 70000), "JC"},
		"no address":     {first(func(l *endpointv3.LocalityLbEndpoints) { l.GetLbEndpoints()[0].GetEndpoint().Address = nil }), "JCNR"},
		"drop of no name": {endpoints(func(m *endpointv3.ClusterLoadAssignment) {
			m.Policy = &endpointv3.ClusterLoadAssignment_Policy{DropOverloads: []*endpointv3.ClusterLoadAssignment_Policy_DropOverload{{}}}
		}), "C"},
	}
}
