package ads

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// TestStorm connects two thousand clients at the same time, as after a network failure. All of them are served, and a
// stream uses little memory.
func TestStorm(t *testing.T) {
	const clients, connections, bound = 2000, 4, 160 << 10
	r := startWith(t, Options{Limits: DefaultLimits})
	r.store.Publish(world(1))
	conns := make([]*grpc.ClientConn, connections)
	for i := range conns {
		conn, err := grpc.NewClient("passthrough:///"+r.server.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	before := memory()
	begin := make(chan struct{})
	var answered sync.WaitGroup
	for i := range clients {
		answered.Go(func() {
			<-begin
			if err := ask(t, conns[i%connections], fmt.Sprint("client-", i)); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	close(begin)
	answered.Wait()
	if got := len(r.store.Clients()); got != clients {
		t.Errorf("%d clients are served, want %d", got, clients)
	}
	// Both ends of the streams are in this process.
	if each := (memory() - before) / clients; each > bound {
		t.Errorf("a stream uses %d bytes, want at most %d", each, bound)
	} else {
		t.Logf("a stream uses %d bytes, both ends together", each)
	}
}

// ask opens a stream, keeps it open, and waits for its first response.
func ask(t *testing.T, conn *grpc.ClientConn, id string) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		return err
	}
	if err := stream.Send(request(&corev3.Node{Id: id, UserAgentName: "gRPC Go"}, echoCluster)); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// memory returns the number of bytes in use.
func memory() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse + stats.StackInuse
}

// TestIdlersFreeTheGate opens streams that need no response, or do not read it, with one slot for first responses.
// They delay other streams only for a moment.
func TestIdlersFreeTheGate(t *testing.T) {
	names := make([]string, 20_000) // each one is answered, which is far more than the window
	for i := range names {
		names[i] = fmt.Sprintf("outbound|1||n%d.default.svc.cluster.local", i)
	}
	tests := map[string]*discoveryv3.DiscoveryRequest{
		"never reads":                   request(&corev3.Node{Id: "stuck"}, names...),
		"asks for what is not served":   {Node: &corev3.Node{Id: "stranger"}, TypeUrl: "type.googleapis.com/stranger", ResourceNames: []string{"x"}},
		"asks for nothing of some type": request(&corev3.Node{Id: "empty", UserAgentName: "gRPC Go"}),
	}
	for name, first := range tests {
		t.Run(name, func(t *testing.T) {
			r := startWith(t, Options{Limits: Limits{FirstResponses: 1}})
			r.store.Publish(world(1))
			send(t, r.open(t), first)
			for len(r.store.Clients()) == 0 { // until it has a slot
				runtime.Gosched()
			}
			other := r.open(t)
			send(t, other, request(&corev3.Node{Id: "other"}, echoCluster))
			receive(t, other)
		})
	}
}
