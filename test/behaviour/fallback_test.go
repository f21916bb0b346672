package behaviour

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// TestFallback has a client with two control planes, of which the first cannot be reached at first. The client calls by the
// second, and returns to the first once that is there. No call fails.
func TestFallback(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	b := newBackend(t, "echo", "v1")
	second := newPlane(t, service("echo", b))
	client := second.dialAs("echo", bootstrap.Options{Namespace: "demo", ServerURI: first, Fallbacks: []string{second.xds}})
	if _, err := call(t, client); err != nil {
		t.Fatalf("without the first control plane: %v", err)
	}
	stop := loadOn(t, client)
	streams := func(p *plane) (n int) {
		for range p.store.ClientSyncs() {
			n++
		}
		return n
	}
	if got := streams(second); got != 1 {
		t.Errorf("the second control plane has %d clients, want 1", got)
	}
	other := newPlaneAt(t, first, watch.Options{}, service("echo", b))
	await(t, "the client returns to the first control plane", func() error {
		if a, b := streams(other), streams(second); a != 1 || b != 0 {
			return fmt.Errorf("the first has %d clients, the second %d", a, b)
		}
		return nil
	})
	stop()
}

// await polls a state of a client library, which has no way to wait for it.
func await(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker, deadline := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: not after a minute: %v", what, err)
		}
	}
}
