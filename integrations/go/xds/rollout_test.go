package xds_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// TestReportsDecideARollout has clients call all the time. A change by which the calls of the first clients fail is taken back, and the
// same change is promoted once they succeed: the control plane knows the calls by the clients' reports alone.
func TestReportsDecideARollout(t *testing.T) {
	objects := func(subset string) []string {
		return []string{
			meshtest.Service("echo", "grpc", v1, v2), meshtest.Subsets("echo", "v1", "v2"),
			strings.Replace(meshtest.Routes("echo", meshtest.To("echo", subset)), "namespace: demo}", "namespace: demo, annotations: {mizzen.dev/rollout: '50%,1s,abort'}}", 1),
		}
	}
	p := meshtest.Start(t, objects("v1")...)
	var failing atomic.Bool
	failing.Store(true)
	var calls [2]atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	defer func() {
		cancel()
		calling.Wait()
	}()
	for i := range 8 {
		boot, err := xds.ParseBootstrap([]byte(strings.Replace(p.Bootstrap(), `"meshtest"`, fmt.Sprintf(`"client-%d"`, i), 1)))
		if err != nil {
			t.Fatal(err)
		}
		c, err := xds.NewClient(xds.Options{Bootstrap: boot, Patience: meshtest.Patience, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		calling.Go(func() {
			pause := time.NewTicker(10 * time.Millisecond)
			defer pause.Stop()
			for ctx.Err() == nil {
				_ = c.Do(ctx, xds.Call{Host: "echo:8080", Path: "/a/b"}, func(_ context.Context, to xds.Target) xds.Outcome {
					if strings.Contains(to.Cluster, "|v1|") {
						calls[0].Add(1)
						return xds.Outcome{}
					}
					if calls[1].Add(1); failing.Load() {
						return xds.Outcome{Err: errors.New("failed"), Code: codes.Internal}
					}
					return xds.Outcome{}
				})
				<-pause.C
			}
		})
	}
	stage := func(want, reason string) {
		t.Helper()
		meshtest.Eventually(t, func() error {
			var rollouts []struct{ Stage, Reason, Message string }
			if p.Inspect("rollouts", &rollouts); len(rollouts) != 1 || rollouts[0].Stage != want || rollouts[0].Reason != reason {
				return fmt.Errorf("got %+v, want the stage %s because of %s", rollouts, want, reason)
			}
			return nil
		})
	}
	stage("None", "Promoted")
	meshtest.Eventually(t, func() error {
		if n := calls[0].Load(); n < 1000 {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
	p.Write(objects("v2")...)
	stage("Aborted", "Aborted")
	if calls[1].Load() == 0 {
		t.Error("no client followed the change")
	}
	failing.Store(false)
	p.Write(objects("v1")...)
	stage("None", "Promoted")
	p.Write(objects("v2")...)
	stage("Running", "InProgress")
	stage("None", "Promoted")
}
