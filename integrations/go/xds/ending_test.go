package xds

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hasty is a control plane that says more than it waits for: so many responses on each stream, and then it ends it; with a negative number
// until the client is gone.
type hasty struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	loadv3.UnimplementedLoadReportingServiceServer
	responses int
	opened    chan struct{}
}

func (h *hasty) DeltaAggregatedResources(stream grpc.BidiStreamingServer[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]) error {
	h.opened <- struct{}{}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	for i := 0; i != h.responses; i++ {
		if err := stream.Send(&discoveryv3.DeltaDiscoveryResponse{TypeUrl: kindTable[endpoints].url, Nonce: fmt.Sprint(i)}); err != nil {
			return err
		}
	}
	return status.Error(codes.Unavailable, "that is all")
}

func (h *hasty) StreamLoadStats(stream loadv3.LoadReportingService_StreamLoadStatsServer) error {
	h.opened <- struct{}{}
	for i := 0; i != h.responses; i++ {
		if err := stream.Send(&loadv3.LoadStatsResponse{SendAllClusters: true}); err != nil {
			return err
		}
	}
	return status.Error(codes.Unavailable, "that is all")
}

func newHasty(t *testing.T, responses int) (*hasty, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, server := &hasty{responses: responses, opened: make(chan struct{}, 100)}, grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, h)
	loadv3.RegisterLoadReportingServiceServer(server, h)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return h, listener.Addr().String()
}

// TestEndAmongResponses: a stream that ends while responses are on their way is followed by another one, and a Client can be closed meanwhile.
func TestEndAmongResponses(t *testing.T) {
	for _, responses := range []int{2, 20, -1} {
		t.Run(fmt.Sprint(responses), func(t *testing.T) {
			h, address := newHasty(t, responses)
			boot, err := ParseBootstrap([]byte(fmt.Sprintf(`{"xds_servers": [{"server_uri": "passthrough:///%s", "channel_creds": [{"type": "insecure"}]}], "node": {"id": "n"}}`, address)))
			if err != nil {
				t.Fatal(err)
			}
			var clients []*Client
			for range 20 {
				c, err := NewClient(Options{Bootstrap: boot, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				clients = append(clients, c)
				if _, err := c.host("echo:80"); err != nil {
					t.Fatal(err)
				}
			}
			want := 3 * len(clients)
			if responses < 0 {
				want = len(clients)
			}
			late := time.After(30 * time.Second)
			for i := range want {
				select {
				case <-h.opened:
				case <-late:
					t.Fatalf("%d streams came, want %d", i, want)
				}
			}
			for _, c := range clients {
				c.stop()
			}
			for _, c := range clients {
				select {
				case <-c.done:
				case <-time.After(20 * time.Second):
					t.Fatal("Close waits for a stream that has ended")
				}
			}
		})
	}
}

// TestReportsEndAmongAnswers is the same for reports.
func TestReportsEndAmongAnswers(t *testing.T) {
	for _, responses := range []int{2, 20, -1} {
		t.Run(fmt.Sprint(responses), func(t *testing.T) {
			_, address := newHasty(t, responses)
			boot, err := ParseBootstrap([]byte(fmt.Sprintf(`{"xds_servers": [{"server_uri": "passthrough:///%s", "channel_creds": [{"type": "insecure"}]}], "node": {"id": "n"}}`, address)))
			if err != nil {
				t.Fatal(err)
			}
			c, err := NewClient(Options{Bootstrap: boot, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conn, err := grpc.NewClient("passthrough:///"+address, must(boot.servers[0].options())(t)...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				ended := make(chan struct{})
				go func() { defer close(ended); _ = c.reportTo(ctx, conn) }()
				select {
				case <-ended:
				case <-time.After(20 * time.Second):
					t.Fatal("the stream of reports does not end")
				}
				cancel()
			}
		})
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
