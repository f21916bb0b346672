package xds_test

import (
	"context"
	"testing"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// TestTimeoutBeginsAfterTheDelay has a rule that delays calls for longer than their timeout, as Envoy, gRPC Go and gRPC Java do it.
func TestTimeoutBeginsAfterTheDelay(t *testing.T) {
	rule := "{timeout: 1s, fault: {delay: {fixedDelay: 1100ms, percentage: {value: 100}}}, " + meshtest.To("echo", "v1") + "}"
	c := newClient(t, meshtest.Start(t, meshtest.Service("echo", "grpc", v1), meshtest.Subsets("echo", "v1"), meshtest.Routes("echo", rule)))
	for name, do := range map[string]func(context.Context, xds.Call, func(context.Context, xds.Target) xds.Outcome) error{"call": c.Do, "stream": c.Open} {
		calls := 0
		err := do(t.Context(), xds.Call{Host: "echo:8080", Path: "/a/b"}, func(ctx context.Context, _ xds.Target) xds.Outcome {
			if _, limited := ctx.Deadline(); !limited {
				t.Errorf("%s: has no timeout", name)
			}
			calls++
			return xds.Outcome{Err: ctx.Err()}
		})
		if err != nil || calls != 1 {
			t.Errorf("%s: got %v after %d attempts, want the answer of one", name, err, calls)
		}
	}
}
