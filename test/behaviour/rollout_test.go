package behaviour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// fleet is 20 clients that call all the time: as a rollout of 10% divides them, two follow a change first.
type fleet struct {
	t       *testing.T
	clients []*fleetClient
}

type fleetClient struct {
	first bool
	calls atomic.Int64
	// failed counts calls that failed, and to those that each backend answered.
	failed atomic.Int64
	mu     sync.Mutex
	to     map[string]int
}

const fleetPolicy = "10%,2s,abort"

// newFleet connects the clients, and calls until the test ends.
func newFleet(t *testing.T, p *plane) *fleet {
	t.Helper()
	f := &fleet{t: t}
	share := mesh.Share{Part: mesh.First, Buckets: mesh.RolloutPolicy{Percent: 10}.Buckets()}
	ctx, cancel := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		calling.Wait()
	})
	for i, firsts, others := 0, 0, 0; firsts < 2 || others < 18; i++ {
		id := fmt.Sprintf("client-%d", i)
		first := share.Has(snapshot.BucketOf(id))
		if first && firsts == 2 || !first && others == 18 {
			continue
		}
		if first {
			firsts++
		} else {
			others++
		}
		c := &fleetClient{first: first, to: map[string]int{}}
		f.clients = append(f.clients, c)
		client := p.dialAs("echo", bootstrap.Options{Namespace: "demo", NodeID: id})
		calling.Go(func() { c.run(ctx, client) })
	}
	await(t, "every client calls", func() error {
		for _, c := range f.clients {
			if c.calls.Load() == 0 {
				return errors.New("a client has not called")
			}
		}
		return nil
	})
	return f
}

func (c *fleetClient) run(ctx context.Context, client testgrpc.TestServiceClient) {
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		answer, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{})
		if ctx.Err() != nil {
			return
		}
		c.calls.Add(1)
		if err != nil {
			c.failed.Add(1)
		}
		c.mu.Lock()
		c.to[answer.GetServerId()]++
		c.mu.Unlock()
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// answeredBy returns how many calls of a part of the clients a version answered.
func (f *fleet) answeredBy(version string, first bool) (n int) {
	for _, c := range f.clients {
		c.mu.Lock()
		if c.first == first {
			n += c.to[version]
		}
		c.mu.Unlock()
	}
	return n
}

func (f *fleet) failed(first bool) (n int64) {
	for _, c := range f.clients {
		if c.first == first {
			n += c.failed.Load()
		}
	}
	return n
}

// expectRollout waits until the rollout has the stage and the reason.
func (p *plane) expectRollout(stage mesh.RolloutStage, reason rollout.Reason) (found rollout.State) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("the rollout is %s because of %s", stage, reason), func() error {
		states := p.decider.States()
		if len(states) != 1 || states[0].Stage != stage || states[0].Reason != reason {
			return fmt.Errorf("got %+v", states)
		}
		found = states[0]
		return nil
	})
	return found
}

func rolled(rule string) string {
	return strings.Replace(routes("echo", rule), "namespace: demo}", "namespace: demo, annotations: {mizzen.dev/rollout: \""+fleetPolicy+"\"}}", 1)
}

// TestBadChangeIsTakenBack: a rule that sends calls to a server that fails reaches one client in ten, for the window, and is taken
// back. No other client loses a call.
func TestBadChangeIsTakenBack(t *testing.T) {
	good, bad := newBackend(t, "good", "v1"), newBackend(t, "bad", "v2")
	bad.failures.Store(1 << 30)
	p := newPlane(t, service("echo", good), "---\n"+service("other", bad), rolled("{route: [{destination: {host: echo}}]}"))
	f := newFleet(t, p)
	p.expectRollout(mesh.RolloutNone, rollout.ReasonPromoted)
	p.write("objects.yaml", service("echo", good), "---\n"+service("other", bad), rolled("{route: [{destination: {host: other}}]}"))
	p.expectRollout(mesh.RolloutRunning, rollout.ReasonInProgress)
	state := p.expectRollout(mesh.RolloutAborted, rollout.ReasonAborted)
	lost := f.failed(true)
	if lost == 0 {
		t.Error("no client followed the change")
	}
	if n := f.failed(false); n != 0 {
		t.Errorf("%d calls of other clients failed, want none", n)
	}
	before := f.answeredBy("v1", true)
	await(t, "the first clients are back", func() error {
		if f.answeredBy("v1", true) < before+50 {
			return errors.New("not yet")
		}
		return nil
	})
	if !strings.Contains(state.Message, "failed with it") {
		t.Errorf("got message %q, want one with figures", state.Message)
	}
	if problems := p.store.Problems(); len(problems) != 1 || problems[0].Code != mesh.CodeRolloutAborted {
		t.Errorf("got problems %v, want that the rollout was aborted", problems)
	}
	t.Logf("%d calls of 2 clients failed, none of 18 others; %s", lost, state.Message)
}

// TestCallsThatNeverLeave: a rule that sends calls to a subset that does not exist makes calls fail in the client, which reports
// nothing about them. That the clients stop calling tells.
func TestCallsThatNeverLeave(t *testing.T) {
	good := newBackend(t, "good", "v1")
	p := newPlane(t, service("echo", good), rolled("{route: [{destination: {host: echo}}]}"))
	f := newFleet(t, p)
	await(t, "calls are reported", func() error {
		var sum load.Attempts
		for lane, n := range p.loads.Attempts(load.Service{Namespace: "demo", Name: "echo"}) {
			if lane.Bucket > 0 && lane.Bucket <= 102 {
				sum = sum.Plus(n)
			}
		}
		if sum.Calls < 300 {
			return fmt.Errorf("%d attempts", sum.Calls)
		}
		return nil
	})
	p.write("objects.yaml", service("echo", good), rolled("{route: [{destination: {host: echo, subset: absent}}]}"))
	state := p.expectRollout(mesh.RolloutAborted, rollout.ReasonAborted)
	if n := f.failed(false); n != 0 || f.failed(true) == 0 {
		t.Errorf("%d calls of other clients failed, want none; and %d of the first ones, want some", n, f.failed(true))
	}
	t.Log(state.Message)
}

// TestPartToAnEmptySubset: a rule that sends three calls in ten to a subset without pods is taken back. These calls fail in the client, which
// reports nothing about them, and all others succeed.
func TestPartToAnEmptySubset(t *testing.T) {
	good := newBackend(t, "good", "v1")
	objects := func(rule string) []string {
		return []string{service("echo", good), subsets("echo", "v1", "v2"), rolled(rule)}
	}
	p := newPlane(t, objects("{route: [{destination: {host: echo, subset: v1}}]}")...)
	f := newFleet(t, p)
	p.write("objects.yaml", objects("{route: [{destination: {host: echo, subset: v1}, weight: 70}, {destination: {host: echo, subset: v2}, weight: 30}]}")...)
	state := p.expectRollout(mesh.RolloutAborted, rollout.ReasonAborted)
	if n := f.failed(false); n != 0 || f.failed(true) == 0 {
		t.Errorf("%d calls of other clients failed, want none; and %d of the first ones, want some", n, f.failed(true))
	}
	if !strings.Contains(state.Message, `subset "v2"`) {
		t.Errorf("got message %q, want one that names the subset", state.Message)
	}
}

// TestOtherCallsDoNotPromote: calls that the same processes send to the same Service by its own name do not promote a change of a rule of
// another host, which none of them dials but one.
func TestOtherCallsDoNotPromote(t *testing.T) {
	good := newBackend(t, "good", "v1")
	second := func(timeout string) string {
		return strings.Replace(rolled("{timeout: "+timeout+", route: [{destination: {host: echo}}]}"), "hosts: [echo]", "hosts: [second]", 1)
	}
	p := newPlane(t, service("echo", good), second("5s"))
	newFleet(t, p)
	for i, found := 0, false; !found; i++ {
		id := fmt.Sprintf("client-%d", i)
		if found = (mesh.Share{Part: mesh.First, Buckets: 102}).Has(snapshot.BucketOf(id)); found {
			client := p.dialAs("second", bootstrap.Options{Namespace: "demo", NodeID: id})
			if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.expectRollout(mesh.RolloutNone, rollout.ReasonPromoted)
	p.write("objects.yaml", service("echo", good), second("4s"))
	state := p.expectRollout(mesh.RolloutRunning, rollout.ReasonTooFewCalls)
	if state.Clients != 1 || state.First.Calls+state.Rest.Calls > 0 {
		t.Errorf("got %+v, want one client, and no call by the rule", state)
	}
}

// TestGoodChangeReachesAll: a change after which calls succeed reaches all clients after the window.
func TestGoodChangeReachesAll(t *testing.T) {
	old, fresh := newBackend(t, "old", "v1"), newBackend(t, "fresh", "v2")
	p := newPlane(t, service("echo", old), "---\n"+service("other", fresh), rolled("{route: [{destination: {host: echo}}]}"))
	f := newFleet(t, p)
	p.write("objects.yaml", service("echo", old), "---\n"+service("other", fresh), rolled("{route: [{destination: {host: other}}]}"))
	p.expectRollout(mesh.RolloutRunning, rollout.ReasonInProgress)
	if n := f.answeredBy("v2", false); n != 0 {
		t.Errorf("the change answered %d calls of other clients before it had proved itself", n)
	}
	p.expectRollout(mesh.RolloutNone, rollout.ReasonPromoted)
	await(t, "all clients follow it", func() error {
		if f.answeredBy("v2", false) < 100 {
			return errors.New("not yet")
		}
		return nil
	})
	if n := f.failed(true) + f.failed(false); n != 0 {
		t.Errorf("%d calls failed, want none", n)
	}
	if problems := p.store.Problems(); len(problems) != 0 {
		t.Errorf("got problems %v, want none", problems)
	}
}
