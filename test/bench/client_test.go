package bench

import (
	"context"
	"fmt"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// subscriber is a client with its own connection that subscribes to endpoints and acknowledges each response.
type subscriber struct {
	names []string
	// got receives the number of resources of each response.
	got    chan int
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
}

// subscribe connects and waits for the first response.
func subscribe(ctx context.Context, b *testing.B, address string, id int, names []string) *subscriber {
	b.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<20)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	s := &subscriber{names: names, got: make(chan int, 100)}
	if s.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx); err != nil {
		b.Fatal(err)
	}
	req := &discoveryv3.DiscoveryRequest{
		Node: &corev3.Node{Id: fmt.Sprint("bench-", id), UserAgentName: "gRPC Go"}, TypeUrl: string(snapshot.EndpointType), ResourceNames: names,
	}
	if err := s.stream.Send(req); err != nil {
		b.Fatal(err)
	}
	go s.read()
	return s
}

func (s *subscriber) read() {
	for {
		resp, err := s.stream.Recv()
		if err != nil {
			close(s.got)
			return
		}
		s.got <- len(resp.GetResources())
		ack := &discoveryv3.DiscoveryRequest{
			TypeUrl: resp.GetTypeUrl(), ResourceNames: s.names, VersionInfo: resp.GetVersionInfo(), ResponseNonce: resp.GetNonce(),
		}
		if err := s.stream.Send(ack); err != nil {
			close(s.got)
			return
		}
	}
}
