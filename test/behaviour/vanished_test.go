package behaviour

import (
	"testing"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// TestVanishedEndpoints removes all slices of a Service at once, under load. The servers still run, so no call fails
// as long as clients keep their addresses.
func TestVanishedEndpoints(t *testing.T) {
	one, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v1")
	p := newPlaneOf(t, watch.Options{EmptyServiceGrace: time.Hour}, service("echo", one, two))
	client := p.dial("echo")
	until(t, client, "the first answers", answeredBy(one))
	stop := loadOn(t, client)
	p.write("objects.yaml", service("echo"))
	for len(p.store.Current().World().Problems) == 0 {
		if _, err := call(t, client); err != nil { // each call takes some time
			t.Fatal(err)
		}
	}
	until(t, client, "the second answers", answeredBy(two))
	stop()

	p.write("objects.yaml", service("cart"))
	until(t, client, "calls fail once the Service is deleted", failed)
}

// TestVanishedEndpointsInTheEnd waits until the grace period ends.
func TestVanishedEndpointsInTheEnd(t *testing.T) {
	one, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v1")
	p := newPlaneOf(t, watch.Options{EmptyServiceGrace: 200 * time.Millisecond}, service("echo", one, two))
	client := p.dial("echo")
	until(t, client, "the first answers", answeredBy(one))
	p.write("objects.yaml", service("echo"))
	until(t, client, "calls fail in the end", failed)
}

func failed(_ *testgrpc.SimpleResponse, err error) bool { return err != nil }
