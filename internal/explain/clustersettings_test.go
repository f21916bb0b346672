package explain

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestEncryption(t *testing.T) {
	provider := func(name string) *tlsv3.CertificateProviderPluginInstance {
		return &tlsv3.CertificateProviderPluginInstance{InstanceName: name}
	}
	socket := func(common *tlsv3.CommonTlsContext) *clusterv3.Cluster {
		packed, err := anypb.New(&tlsv3.UpstreamTlsContext{CommonTlsContext: common})
		if err != nil {
			t.Fatal(err)
		}
		return &clusterv3.Cluster{TransportSocket: &corev3.TransportSocket{ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed}}}
	}
	exactly := func(name string) *matcherv3.StringMatcher {
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}}
	}
	endpoints := func(service string) *clusterv3.Cluster {
		return &clusterv3.Cluster{EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: service}}
	}
	tests := map[string]struct {
		cluster *clusterv3.Cluster
		want    string
	}{
		"plain text": {endpoints("outbound|80||echo.demo.svc.cluster.local"), "not encrypted"},
		"forbidden":  {endpoints("refused"), "calls fail: they would go out unencrypted, which the rule does not allow"},
		"mutual": {
			socket(&tlsv3.CommonTlsContext{
				TlsCertificateProviderInstance: provider("default"),
				ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
					CaCertificateProviderInstance: provider("mesh"),
					MatchSubjectAltNames:          []*matcherv3.StringMatcher{exactly("spiffe://a"), exactly("spiffe://b")}, //nolint:staticcheck // gRPC's
				}},
			}),
			`encrypted, with the client's certificate of its provider "default"; the authorities of its provider "mesh" verify the server, which is spiffe://a or spiffe://b`,
		},
		"simple": {
			socket(&tlsv3.CommonTlsContext{}),
			"encrypted, without a client certificate; the authorities that the client's machine trusts verify the server",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := encryption(test.cluster); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEjectionBySuccessRate(t *testing.T) {
	seconds := func(n int64) *durationpb.Duration { return &durationpb.Duration{Seconds: n} }
	got := ejection(&clusterv3.OutlierDetection{
		Interval: seconds(5), BaseEjectionTime: seconds(10), MaxEjectionTime: seconds(60), MaxEjectionPercent: wrapperspb.UInt32(50),
		EnforcingSuccessRate: wrapperspb.UInt32(80), SuccessRateStdevFactor: wrapperspb.UInt32(1900),
		SuccessRateMinimumHosts: wrapperspb.UInt32(5), SuccessRateRequestVolume: wrapperspb.UInt32(100),
	})
	want := []string{
		"outliers are ejected every 5s, for 10s the first time, then longer, up to 1m0s; at most 50 % of the endpoints at the same time",
		"an outlier's success rate is more than 1.9 standard deviations below the mean, if at least 5 endpoints have 100 calls or more; 80 % of outliers are ejected",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
	if got := ejection(nil); got != nil {
		t.Errorf("got %q without a policy, want nothing", got)
	}
}
