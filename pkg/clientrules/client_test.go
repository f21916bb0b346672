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

// discoveryServer is a minimal control plane. It has one resource of each type, and records how the client answers
// one of them.
type discoveryServer struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	resources map[string]*anypb.Any // by type URL
	tested    string                // the type URL of the resource under test
	nack      chan string           // the client's error; empty if it accepted the resource
}

// rejection serves the message to a real grpc-go client, with valid resources of the other types. It returns the
// client's error, or "" if the client accepted the message.
func rejection(t *testing.T, m proto.Message) string {
	t.Helper()
	s := &discoveryServer{tested: pack(m).GetTypeUrl(), nack: make(chan string, 1), resources: map[string]*anypb.Any{}}
	for _, other := range []proto.Message{
		manager(func(*hcmv3.HttpConnectionManager) {}), table(func(*routev3.RouteConfiguration) {}), cluster(func(*clusterv3.Cluster) {}),
		endpoints(func(*endpointv3.ClusterLoadAssignment) {}), m,
	} {
		s.resources[pack(other).GetTypeUrl()] = pack(other)
	}
	address := s.serve(t)
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
	case message := <-s.nack:
		return message
	case <-time.After(time.Minute):
		t.Fatal("the client did not answer within a minute")
		return ""
	}
}

func (s *discoveryServer) serve(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, s)
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

// StreamAggregatedResources sends one response for each change of a subscription.
func (s *discoveryServer) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	subscribed, nonces := map[string][]string{}, map[string]string{}
	for n := 1; ; n++ {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		t := request.GetTypeUrl()
		if t == s.tested && request.GetResponseNonce() != "" && request.GetResponseNonce() == nonces[t] {
			select {
			case s.nack <- request.GetErrorDetail().GetMessage():
			default: // The test needs only the first answer.
			}
		}
		if slices.Equal(request.GetResourceNames(), subscribed[t]) || len(request.GetResourceNames()) == 0 {
			continue
		}
		subscribed[t], nonces[t] = request.GetResourceNames(), strconv.Itoa(n)
		if err := stream.Send(&discoveryv3.DiscoveryResponse{
			TypeUrl: t, Nonce: nonces[t], VersionInfo: nonces[t], Resources: []*anypb.Any{s.resources[t]},
		}); err != nil {
			return err
		}
	}
}
