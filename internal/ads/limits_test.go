package ads

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func TestStreamCounter(t *testing.T) {
	c := newStreamCounter(Limits{Streams: 2, StreamsPerClient: 1})
	must := func(leave func(), err error) func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return leave
	}
	leave := must(c.add())
	must(c.add())
	if _, err := c.add(); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "--max-streams") {
		t.Errorf("a third stream: got %v, want ResourceExhausted", err)
	}
	leave()
	must(c.add())

	leave = must(c.addFor("pod/a/a"))
	must(c.addFor("pod/b/b"))
	must(c.addFor(""))
	must(c.addFor(""))
	if _, err := c.addFor("pod/a/a"); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "pod/a/a has 1 streams") {
		t.Errorf("a second stream of one client: got %v, want ResourceExhausted", err)
	}
	leave()
	must(c.addFor("pod/a/a"))
	if len(c.perClient) != 2 || c.total != 2 {
		t.Errorf("there are %d streams, of %v", c.total, c.perClient)
	}
}

func TestUrgentStreamsPassFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFirstResponseLimiter(1)
		leave, err := g.acquire(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 2)
		wait := func(name string, urgent bool) {
			go func() {
				next, err := g.acquire(t.Context(), urgent)
				if err != nil {
					order <- err.Error()
					return
				}
				order <- name
				next()
				next() // calling it again has no effect
			}()
			synctest.Wait()
		}
		wait("has configuration", false)
		wait("has nothing", true)
		leave()
		if first, second := <-order, <-order; first != "has nothing" || second != "has configuration" {
			t.Errorf("%q passed before %q", first, second)
		}
		synctest.Wait()
		if g.free != 1 {
			t.Errorf("%d slots are free at the end, want 1", g.free)
		}
	})
}

func TestCanceledStreamsLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFirstResponseLimiter(1)
		leave, _ := g.acquire(t.Context(), true)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := g.acquire(ctx, true)
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; err == nil {
			t.Error("a canceled stream has a slot")
		}
		leave()
		if g.free != 1 || len(g.urgent) != 0 {
			t.Errorf("%d slots are free and %d streams wait, want 1 and 0", g.free, len(g.urgent))
		}
	})
}

// fakeAuthenticator returns a fixed identity or error.
type fakeAuthenticator struct {
	id  identity.Identity
	err error
}

func (w fakeAuthenticator) Identify(context.Context) (identity.Identity, error) { return w.id, w.err }

// refusal opens a stream and returns the error with which it ends.
func (r *rig) refusal(t *testing.T, node *corev3.Node) error {
	t.Helper()
	stream := r.open(t)
	_ = stream.Send(request(node, echoCluster)) // the server may have closed the stream already
	_, err := stream.Recv()
	return err
}

func TestUnauthenticatedClientsAreRejected(t *testing.T) {
	r := startWith(t, Options{Authenticator: fakeAuthenticator{err: status.Error(codes.Unauthenticated, "nobody")}})
	r.store.Publish(world(1))
	if err := r.refusal(t, nil); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v, want Unauthenticated", err)
	}
}

func TestProofDecidesTheClient(t *testing.T) {
	pod := &mesh.Pod{Ref: mesh.Ref{Kind: "Pod", Namespace: "shop", Name: "web-0"}, ServiceAccount: "web"}
	r := startWith(t, Options{Authenticator: fakeAuthenticator{id: identity.Identity{Proof: identity.Token, Namespace: "shop", ServiceAccount: "web", Pod: pod}}})
	r.store.Publish(world(1))

	foreign, err := structpb.NewStruct(map[string]any{"NAMESPACE": "bank"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.refusal(t, &corev3.Node{Metadata: foreign}); status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), `"bank"`) {
		t.Errorf("a foreign namespace: got %v, want PermissionDenied", err)
	}

	stream := r.open(t)
	send(t, stream, request(&corev3.Node{Id: "web"}, echoCluster))
	receive(t, stream)
	got := r.store.Clients()
	if len(got) != 1 || got[0].Namespace != "shop" || got[0].Identity != "pod/shop/web-0" || got[0].Proof != "token" {
		t.Errorf("got %+v, want pod/shop/web-0 of namespace shop, by token", got)
	}
}

// fakeMachines sends what it is told.
type fakeMachines chan string

func (f fakeMachines) Opened(machine string) func() {
	f <- "opened " + machine
	return func() { f <- "closed " + machine }
}

// TestStreamsOfMachines: a stream of a machine counts from its first request, if the node does not contradict the proof, to its end.
func TestStreamsOfMachines(t *testing.T) {
	vm := &mesh.Pod{Ref: mesh.Ref{Kind: "WorkloadEntry", Namespace: "shop", Name: "vm"}, ServiceAccount: "ledger", Addresses: []string{"10.0.0.9"}}
	told := make(fakeMachines, 10)
	r := startWith(t, Options{Machines: told, Authenticator: fakeAuthenticator{id: identity.Identity{Proof: identity.Token, Namespace: "shop", ServiceAccount: "ledger", Pod: vm}}})
	r.store.Publish(world(1))
	foreign, err := structpb.NewStruct(map[string]any{"NAMESPACE": "bank"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.refusal(t, &corev3.Node{Metadata: foreign}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a foreign namespace: got %v, want PermissionDenied", err)
	}
	stream := r.open(t)
	send(t, stream, request(&corev3.Node{Id: "vm"}, echoCluster))
	receive(t, stream)
	if got := <-told; got != "opened shop/ledger/10.0.0.9" {
		t.Errorf("got %q first", got)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "closed shop/ledger/10.0.0.9" {
		t.Errorf("got %q at the end", got)
	}
	if pod := (identity.Identity{Namespace: "shop", ServiceAccount: "ledger", Pod: &mesh.Pod{Ref: mesh.Ref{Kind: "Pod"}, Addresses: []string{"10.0.0.9"}}}); pod.Machine() != "" {
		t.Errorf("a pod is taken for the machine %q", pod.Machine())
	}
}

func TestStreamEndsAfterItsProof(t *testing.T) {
	r := startWith(t, Options{Authenticator: fakeAuthenticator{id: identity.Identity{Proof: identity.Token, Namespace: "shop", Expires: time.Now().Add(-expiryGrace)}}})
	r.store.Publish(world(1))
	stream := r.open(t)
	_ = stream.Send(request(nil, echoCluster))
	for {
		_, err := stream.Recv()
		if err == nil {
			continue
		}
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "expired") {
			t.Errorf("got %v, want Unavailable, so that the client reconnects", err)
		}
		return
	}
}

func TestTooManyStreamsAreRefusedCheaply(t *testing.T) {
	r := startWith(t, Options{Limits: Limits{Streams: 1}})
	r.store.Publish(world(1))
	first := r.open(t)
	send(t, first, request(nil, echoCluster))
	receive(t, first)
	if err := r.refusal(t, nil); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want ResourceExhausted", err)
	}
}

// TestReturningClientsFreeTheirSlot has clients pass a limiter with one slot, although they need no response.
func TestReturningClientsFreeTheirSlot(t *testing.T) {
	r := startWith(t, Options{Limits: Limits{FirstResponses: 1}})
	r.store.Publish(world(1))
	version := ""
	for range 3 {
		stream := r.open(t)
		req := request(nil, echoCluster)
		req.VersionInfo = version
		send(t, stream, req)
		if version == "" {
			version = receive(t, stream).GetVersionInfo()
			continue
		}
		// The client is up to date, so it gets no response. The response to a second type shows that the first
		// request was read.
		send(t, stream, &discoveryv3.DiscoveryRequest{TypeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster", ResourceNames: []string{echoCluster}})
		receive(t, stream)
	}
}

func TestRequestsBeyondTheRateWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRequestGuard(nil, Limits{RequestsPerSecond: 10})
		start := time.Now()
		for range 10*requestBurst + 10 {
			if _, err := g.admit(t.Context(), string(snapshot.EndpointType), 1, 0); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 900*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("a second's worth beyond the burst took %v, want 1s", took)
		}
	})
}

// TestIncrementalSubscriptionsAreBounded: in the incremental protocol subscriptions add up, and so do the bytes of
// their names. Unsubscribing from names that were never subscribed to must not make room.
func TestIncrementalSubscriptionsAreBounded(t *testing.T) {
	for name, test := range map[string]struct{ each, length int }{
		"many names": {maxNames / 4, 0},
		"long names": {40, 100_000},
	} {
		t.Run(name, func(t *testing.T) { subscribeOnAndOn(t, test.each, strings.Repeat("x", test.length)) })
	}
}

func subscribeOnAndOn(t *testing.T, each int, suffix string) {
	t.Helper()
	r := start(t, 0)
	r.store.Publish(world(1))
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(r.conn).DeltaAggregatedResources(t.Context(), grpc.MaxCallRecvMsgSize(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for round := range 6 {
			req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType)}
			for i := range each {
				req.ResourceNamesSubscribe = append(req.ResourceNamesSubscribe, fmt.Sprintf("n%d-%d%s", round, i, suffix))
				req.ResourceNamesUnsubscribe = append(req.ResourceNamesUnsubscribe, fmt.Sprintf("never-%d-%d", round, i))
			}
			_ = stream.Send(req) // Recv returns why the stream has ended
		}
	}()
	defer func() { <-sent }()
	for {
		if _, err := stream.Recv(); err != nil {
			if got, want := status.Code(err), codes.ResourceExhausted; got != want {
				t.Errorf("got %v, want %v", err, want)
			}
			return
		}
	}
}
