//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestUnknown calls a host that does not exist, which fails immediately with an explanation, and then creates it.
func TestUnknown(t *testing.T) {
	ns := newNamespace(t)
	p := startControlPlane(t)
	target := "echo." + ns + ":50051"
	client := dial(t, p, ns, target)

	start := time.Now()
	await(t, "text that names the host", func() error {
		_, err := call(t.Context(), client)
		if got, want := status.Code(err), codes.Unavailable; got != want {
			t.Fatalf("unknown host: got code %v, want %v (%v)", got, want, err)
		}
		// grpc-go may fail the first call before it has the reason.
		if !strings.Contains(status.Convert(err).Message(), "echo."+ns) {
			return err
		}
		return nil
	})
	// A client that gets no response waits for 15 s.
	if took, want := time.Since(start), 5*time.Second; took > want {
		t.Errorf("unknown host: got an answer after %v, want less than %v", took, want)
	}

	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	await(t, "new Service served to the client that asked before", func() error {
		_, err := call(t.Context(), client)
		return err
	})
	startLoad(t, client).until(t, "calls", manyCalls)
}
