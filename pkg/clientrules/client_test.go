package clientrules_test

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// judge is the least control plane that a client talks to: it has one resource of each type, and tells what became of one of them.
type judge struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	resources map[string]*anypb.Any // by type
	about     string                // the type
	verdict   chan string           // what the client said no with, or nothing
}

// refusal serves the message to a real client of gRPC for Go, among resources that it accepts, and returns why it was refused.
func refusal(t *testing.T, m proto.Message) string {
	t.Helper()
	j := &judge{about: pack(m).GetTypeUrl(), verdict: make(chan string, 1), resources: map[string]*anypb.Any{}}
	for _, other := range []proto.Message{
		manager(func(*hcmv3.HttpConnectionManager) {}), table(func(*routev3.RouteConfiguration) {}), cluster(func(*clusterv3.Cluster) {}),
		endpoints(func(*endpointv3.ClusterLoadAssignment) {}), m,
	} {
		j.resources[pack(other).GetTypeUrl()] = pack(other)
	}
	address := j.serve(t)
	config := `{"xds_servers": [{"server_uri": "` + address + `", "channel_creds": [{"type": "insecure"}]}], "node": {"id": "` + t.Name() + `"},
		"certificate_providers": {"default": {"plugin_name": "file_watcher", "config": {"ca_certificate_file": "ca.crt"}}}}`
	resolver, err := xds.NewXDSResolverWithConfigForTesting([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	channel, err := grpc.NewClient("xds:///l", grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = channel.Close() })
	channel.Connect()
	select {
	case verdict := <-j.verdict:
		return verdict
	case <-time.After(time.Minute):
		t.Fatal("the client said nothing")
		return ""
	}
}

func (j *judge) serve(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, j)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// StreamAggregatedResources answers each new question once.
func (j *judge) StreamAggregatedResources(s discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	asked, nonces := map[string][]string{}, map[string]string{}
	for n := 1; ; n++ {
		request, err := s.Recv()
		if err != nil {
			return err
		}
		t := request.GetTypeUrl()
		if t == j.about && request.GetResponseNonce() != "" && request.GetResponseNonce() == nonces[t] {
			select {
			case j.verdict <- request.GetErrorDetail().GetMessage():
			default: // It has been heard.
			}
		}
		if slices.Equal(request.GetResourceNames(), asked[t]) || len(request.GetResourceNames()) == 0 {
			continue
		}
		asked[t], nonces[t] = request.GetResourceNames(), strconv.Itoa(n)
		if err := s.Send(&discoveryv3.DiscoveryResponse{
			TypeUrl: t, Nonce: nonces[t], VersionInfo: nonces[t], Resources: []*anypb.Any{j.resources[t]},
		}); err != nil {
			return err
		}
	}
}
