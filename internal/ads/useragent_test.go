package ads

import (
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestUserAgentOfTheStream: a client is known by the header that its stream really has.
func TestUserAgentOfTheStream(t *testing.T) {
	r := start(t, 0)
	r.store.Publish(world(1))
	stream := r.openAs(t, "kitex/v0.14.1")
	send(t, stream, request(&corev3.Node{Id: "sidecar~10.0.0.9~a.demo~demo.svc.cluster.local"}, echoCluster))
	receive(t, stream)
	clients := r.store.Clients()
	if len(clients) != 1 || clients[0].Agent != mesh.Kitex.String() || clients[0].Version != "0.14.1" || clients[0].Namespace != "demo" {
		t.Errorf("got %+v, want one Kitex client in demo", clients)
	}
}

// TestRefusedStreamIsHeld: a stream that is refused before its node is read ends later for a client that opens the next
// one at once.
func TestRefusedStreamIsHeld(t *testing.T) {
	r := startWith(t, Options{Limits: Limits{Streams: 1}})
	r.store.Publish(world(1))
	first := r.open(t)
	send(t, first, request(&corev3.Node{Id: "a"}, echoCluster))
	receive(t, first)
	for userAgent, want := range map[string]bool{"kitex/v0.14.1": true, "test": false} {
		began := time.Now()
		_, err := r.openAs(t, userAgent).Recv()
		if held := time.Since(began) >= endHold; status.Code(err) != codes.ResourceExhausted || held != want {
			t.Errorf("%s: got %v, held: %v, want it held: %v", userAgent, err, held, want)
		}
	}
}

// openAs opens a stream of a client with that header.
func (r *rig) openAs(t *testing.T, userAgent string) adsStream {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+r.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent(userAgent))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}
