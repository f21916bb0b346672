package behaviour

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestGap04: outlierDetection ejects endpoints.
func TestGap04(t *testing.T) { TestOutlierIsEjected(t) }

// TestGap05: endpoints near the client are preferred, and others take over, without an outlierDetection.
func TestGap05(t *testing.T) { TestLocalityFailsOverAndComesBack(t) }

// TestGap06: calls in flight are not limited to 1024 unless an author sets a limit.
func TestGap06(t *testing.T) {
	b := newBackend(t, "a", "v1")
	client := newPlane(t, service("echo", b)).dial("echo")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const calls = 1100
	outcomes := make(chan error, calls)
	for range calls {
		go func() {
			_, err := client.EmptyCall(ctx, &testgrpc.Empty{})
			outcomes <- err
		}()
	}
	// A call beyond a limit would fail before it reaches the backend. A further call shows how many have arrived.
	for arrived := 0; arrived < calls && len(outcomes) == 0; {
		if _, err := call(t, client); err != nil {
			t.Fatalf("a call while %d are in flight: %v", arrived, err)
		}
		attempts, _ := b.seen()
		arrived += len(attempts) - 1
	}
	close(b.block)
	for range calls {
		if err := <-outcomes; err != nil {
			t.Fatalf("one of %d calls in flight: %v", calls, err)
		}
	}
}

// TestGap07: no load balancer makes clients reject the cluster.
func TestGap07(t *testing.T) {
	for name, setting := range map[string]string{
		"least requests": "{simple: LEAST_REQUEST}",
		"random":         "{simple: RANDOM}",
		"passthrough":    "{simple: PASSTHROUGH}",
		"maglev":         "{consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}}",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", newBackend(t, "a", "v1")), policy("echo", "{loadBalancer: "+setting+"}"))
			wantVersion(t, p.dial("echo"), "v1")
			p.checkClientRules()
		})
	}
}

// TestGap10: a name outside of the cluster is resolved. (A ServiceEntry is not read.)
func TestGap10(t *testing.T) { TestExternalName(t) }

// TestGap11: a hash of a value that clients do not have is reported and affects nothing. A hash of the source address
// becomes a hash of the channel.
func TestGap11(t *testing.T) {
	for field, key := range map[string]string{
		".httpCookie": "{httpCookie: {name: session, ttl: 60s}}", ".httpQueryParameterName": "{httpQueryParameterName: user}",
	} {
		t.Run(field, func(t *testing.T) {
			a, b := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
			p := newPlane(t, service("echo", a, b), policy("echo", "{loadBalancer: {consistentHash: "+key+"}}"))
			client := p.dial("echo")
			until(t, client, "both are connected", spread(t, client))
			if got := answers(t, client, 100); got["v1"] != 50 {
				t.Errorf("got answers from %v, want each in turn", got)
			}
			p.wantProblem(mesh.Warning, field)
		})
	}
	t.Run("channel", TestHashOfChannel)
}

// TestGap12: calls that must be encrypted are never sent in plain text.
func TestGap12(t *testing.T) {
	for _, mode := range []string{"SIMPLE", "MUTUAL", "ISTIO_MUTUAL"} {
		t.Run(mode, func(t *testing.T) {
			b := newBackend(t, "a", "v1")
			p := newPlane(t, service("echo", b), policy("echo", "{tls: {mode: "+mode+"}}"),
				routes("echo", "{retries: {attempts: 0}, route: [{destination: {host: echo}}]}"))
			if _, err := call(t, p.dial("echo")); status.Code(err) != codes.Unavailable {
				t.Errorf("got %v, want Unavailable", err)
			}
			if attempts, _ := b.seen(); len(attempts) != 0 {
				t.Errorf("the backend saw %d calls in plain text", len(attempts))
			}
			p.wantProblem("", ".tls.")
		})
	}
	t.Run("whoever calls", TestCallsAreNeverWeaker)
}

// TestGap14: load balancers and subsetting that Istio's API does not have can be selected by annotation.
func TestGap14(t *testing.T) {
	t.Run("pick first", TestPickFirst)
	t.Run("reported load", TestReportedLoad)
	t.Run("a part of the endpoints", TestSubsetSize)
}
