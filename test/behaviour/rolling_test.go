package behaviour

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// TestRollingUpdate replaces every backend under load as a Deployment does: a new one becomes ready, an old one
// starts to terminate, leaves the slices, and ends when it has no calls left. No call may fail.
func TestRollingUpdate(t *testing.T) {
	const replicas = 4
	var old []*backend
	for i := range replicas {
		old = append(old, newBackend(t, fmt.Sprintf("old-%d", i), "v1"))
	}
	p := newPlane(t, service("echo", old...))
	client := p.dial("echo")
	if _, err := call(t, client); err != nil {
		t.Fatal(err)
	}

	stop := loadOn(t, client)
	live := slices.Clone(old)
	for i, leaving := range old {
		next := newBackend(t, fmt.Sprintf("new-%d", i), "v2")
		live = append(live, next)
		p.write("objects.yaml", service("echo", live...))
		until(t, client, "the new backend answers", answeredBy(next))

		// It is terminating: it still serves, but should get no new calls.
		live = slices.DeleteFunc(live, func(b *backend) bool { return b == leaving })
		p.write("objects.yaml", service("echo", live...), leaving.slice("echo", "ready: false, serving: true, terminating: true"))
		waitUnused(t, p, leaving)
		leaving.server.GracefulStop()
		p.write("objects.yaml", service("echo", live...))
	}
	stop()
}

// loadOn calls as fast as possible until stop, and fails the test if a call fails.
func loadOn(t *testing.T, client testgrpc.TestServiceClient) (stop func()) {
	t.Helper()
	const callers = 8
	var stopped atomic.Bool
	var calls atomic.Int64
	var load errgroup.Group
	for range callers {
		load.Go(func() error {
			for !stopped.Load() {
				if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err != nil {
					return fmt.Errorf("after %d calls: %w", calls.Load(), err)
				}
				calls.Add(1)
			}
			return nil
		})
	}
	return func() {
		stopped.Store(true)
		if err := load.Wait(); err != nil {
			t.Error(err)
		}
		if calls.Load() == 0 {
			t.Error("no call was made")
		}
		t.Logf("%d calls were answered", calls.Load())
	}
}

func answeredBy(b *backend) func(*testgrpc.SimpleResponse, error) bool {
	return func(resp *testgrpc.SimpleResponse, err error) bool { return err == nil && resp.GetHostname() == b.name }
}

// waitUnused calls until a whole round of calls does not reach the backend.
func waitUnused(t *testing.T, p *plane, leaving *backend) {
	t.Helper()
	client := p.dial("echo")
	for unused := 0; unused < 50; {
		leaving.seen()
		resp, err := call(t, client)
		if err != nil {
			t.Fatal(err)
		}
		unused++
		if attempts, _ := leaving.seen(); resp.GetHostname() == leaving.name || len(attempts) > 0 {
			unused = 0
		}
	}
}

// TestWeightsRaisedFromNothing moves all calls from one version to the other and back, many times under load. No call
// may fail: the client keeps both clusters while their weight is 0.
func TestWeightsRaisedFromNothing(t *testing.T) {
	const moves = 20
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	rule := func(first, second int) string {
		return routes("echo", fmt.Sprintf("{retries: {attempts: 0}, route: [{destination: {host: echo, subset: v1}, weight: %d}, "+
			"{destination: {host: echo, subset: v2}, weight: %d}]}", first, second))
	}
	objects := service("echo", v1, v2) + "---\n" + subsets("echo", "v1", "v2")
	p := newPlane(t, objects, rule(100, 0))
	client := p.dial("echo")
	until(t, client, "v1 answers", answeredBy(v1))
	stop := loadOn(t, client)
	for range moves {
		p.write("objects.yaml", objects, rule(0, 100))
		until(t, client, "v2 answers", answeredBy(v2))
		p.write("objects.yaml", objects, rule(100, 0))
		until(t, client, "v1 answers", answeredBy(v1))
	}
	stop()
}

// TestSubsetIsReplaced moves all calls to another subset and removes the first one in the same edit, under load. The
// client keeps the old endpoints until it uses the new routes.
func TestSubsetIsReplaced(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	before := routes("echo", "route: [{destination: {host: echo, subset: v1}, weight: 100}, {destination: {host: echo, subset: v2}, weight: 0}]")
	after := routes("echo", "route: [{destination: {host: echo, subset: v2}}]")
	objects := service("echo", v1, v2)
	p := newPlane(t, objects, subsets("echo", "v1", "v2"), before)
	client := p.dial("echo")
	for range 5 {
		until(t, client, "v1 answers", answeredBy(v1))
		stop := loadOn(t, client)
		p.write("objects.yaml", objects, subsets("echo", "v2"), after)
		until(t, client, "v2 answers", answeredBy(v2))
		stop()
		p.write("objects.yaml", objects, subsets("echo", "v1", "v2"), before)
	}
}
