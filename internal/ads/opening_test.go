package ads

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestOpenings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openings{DefaultLimits.OpeningsPerSecond}
		conn, other := o.TagConn(t.Context(), nil), o.TagConn(t.Context(), nil)
		begin := time.Now()
		for range maxStreams {
			if err := waitToOpen(conn); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the first %d streams waited for %v", maxStreams, took)
		}
		for range 5 * o.perSecond {
			if err := waitToOpen(conn); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < 4900*time.Millisecond || took > 5*time.Second {
			t.Errorf("%d further streams took %v, want 5 s", 5*o.perSecond, took)
		}
		begin = time.Now()
		if err := waitToOpen(other); err != nil || time.Since(begin) != 0 {
			t.Errorf("a stream of another connection: got %v after %v", err, time.Since(begin))
		}
		if err := waitToOpen(openings{}.TagConn(t.Context(), nil)); err != nil {
			t.Errorf("without a limit: got %v", err)
		}
		ended, end := context.WithCancel(conn)
		end()
		if err := waitToOpen(ended); status.Code(err) != codes.Unavailable {
			t.Errorf("a stream that ended: got %v, want UNAVAILABLE", err)
		}
	})
}

// TestServerLimitsOpenings opens streams on one connection, one after the other, until one would wait for longer than it lasts.
func TestServerLimitsOpenings(t *testing.T) {
	r := startWith(t, Options{Limits: Limits{OpeningsPerSecond: 1}})
	r.store.Publish(world(1))
	client := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn)
	open := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		stream, err := client.StreamAggregatedResources(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(request(nil, "x")); err != nil {
			_, err = stream.Recv()
			return err
		}
		_, err = stream.Recv()
		return err
	}
	for n := range 2 * maxStreams {
		if err := open(); err != nil && strings.Contains(err.Error(), "this connection opened 1000 streams at once") {
			if n < maxStreams {
				t.Errorf("stream %d was refused", n)
			}
			return
		}
	}
	t.Errorf("all of %d streams were served", 2*maxStreams)
}
