//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"
)

const (
	// patience is the longest time that a test waits for anything, on a busy machine.
	patience = 60 * time.Second
	// callTimeout is much longer than a call takes; a call that reaches it has failed.
	callTimeout = 10 * time.Second
	callers     = 4
	callPause   = 2 * time.Millisecond
)

// dial makes a client with its own connection to the control plane, as a pod of that namespace would.
func dial(t *testing.T, p *controlPlane, namespace, target string) testpb.TestServiceClient {
	t.Helper()
	return dialWithID(t, p, namespace, "e2e-"+namespace, target)
}

// dialWithID is dial with a node ID.
func dialWithID(t *testing.T, p *controlPlane, namespace, id, target string) testpb.TestServiceClient {
	t.Helper()
	bootstrap := fmt.Sprintf(`{
		"xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
		"node": {"id": %q, "metadata": {"NAMESPACE": %q}, "locality": {"zone": "zone-a"}}
	}`, p.xds, id, namespace)
	resolver := must(xds.NewXDSResolverWithConfigForTesting([]byte(bootstrap)))(t)
	conn := must(grpc.NewClient("xds:///"+target,
		grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	t.Cleanup(func() { _ = conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

func call(ctx context.Context, client testpb.TestServiceClient) (*testpb.SimpleResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return client.UnaryCall(ctx, &testpb.SimpleRequest{})
}

// load is a client that calls continuously. Its calls do not wait for readiness, so that every failure is seen.
type load struct {
	client testpb.TestServiceClient

	// mu protects the fields below. answered is signaled after every call.
	mu       sync.Mutex
	answered sync.Cond
	// recent are the last answers, oldest first.
	recent []*testpb.SimpleResponse
	calls  int
	failed []error
}

const recentAnswers = 200

// startLoad starts to call after the first call has been answered, and stops at the end of the test. No call may
// fail: if one does, the test fails at its end with the first error.
func startLoad(t *testing.T, client testpb.TestServiceClient) *load {
	t.Helper()
	l := &load{client: client}
	l.answered.L = &l.mu
	await(t, "first call", func() error {
		_, err := call(t.Context(), client)
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range callers {
		running.Go(func() { l.run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		t.Logf("%d calls, %d failed", l.calls, len(l.failed))
		if len(l.failed) > 0 {
			t.Errorf("got %d failed calls of %d, want none; the first: %v", len(l.failed), l.calls, l.failed[0])
		}
	})
	return l
}

func (l *load) run(ctx context.Context) {
	begin, pause := time.Now(), time.NewTicker(callPause)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		answer, err := call(ctx, l.client)
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		l.calls++
		if err != nil {
			err = fmt.Errorf("%v after the first call: %w", time.Since(begin), err)
		}
		switch {
		case err != nil:
			l.failed = append(l.failed, err)
		default:
			l.recent = append(l.recent, answer)
			l.recent = l.recent[max(0, len(l.recent)-recentAnswers):]
		}
		l.answered.Broadcast()
		l.mu.Unlock()
	}
}

// until waits until the answers from now on satisfy a condition, and returns how long that took.
func (l *load) until(t *testing.T, what string, condition func(answers) bool) time.Duration {
	t.Helper()
	start := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = nil
	expired := time.AfterFunc(patience, l.answered.Broadcast)
	defer expired.Stop()
	for !condition(l.recent) {
		if time.Since(start) > patience {
			t.Fatalf("%s: not seen by the client after %v; versions %v, pods %v", what, patience,
				answers(l.recent).versions(), answers(l.recent).pods())
		}
		l.answered.Wait()
	}
	return time.Since(start)
}

// answers are consecutive answers to one client.
type answers []*testpb.SimpleResponse

// versions counts the answers by version.
func (a answers) versions() map[string]int {
	counts := map[string]int{}
	for _, answer := range a {
		counts[answer.GetServerId()]++
	}
	return counts
}

// pods counts the answers by pod.
func (a answers) pods() map[string]int {
	counts := map[string]int{}
	for _, answer := range a {
		counts[answer.GetHostname()]++
	}
	return counts
}

// from is true if exactly that many pods answered the last calls.
func from(pods int) func(answers) bool {
	return func(a answers) bool { return len(a) >= recentAnswers && len(a.pods()) == pods }
}

// only is true if that version answered all of the last calls.
func only(version string) func(answers) bool {
	return func(a answers) bool { return len(a) >= recentAnswers && a.versions()[version] == len(a) }
}

// anyOf is true if that version answered a call.
func anyOf(version string) func(answers) bool {
	return func(a answers) bool { return a.versions()[version] > 0 }
}

// share is true if that version answered a share of the last calls within the bounds.
func share(version string, low, high float64) func(answers) bool {
	return func(a answers) bool {
		part := float64(a.versions()[version]) / recentAnswers
		return len(a) >= recentAnswers && low <= part && part <= high
	}
}
