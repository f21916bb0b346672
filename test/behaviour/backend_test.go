package behaviour

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// backend is a gRPC server that answers with its name and version, and records the calls.
type backend struct {
	testgrpc.UnimplementedTestServiceServer

	name, version string
	port          int
	server        *grpc.Server
	// failures is the number of next calls that fail as unavailable.
	failures atomic.Int32

	mu       sync.Mutex
	attempts []string        // for each call, the number of earlier attempts as sent by gRPC, or empty
	budgets  []time.Duration // for each call, the time until its deadline
	block    chan struct{}   // EmptyCall waits until it is closed
}

func newBackend(t *testing.T, name, version string, options ...grpc.ServerOption) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{
		name: name, version: version, port: listener.Addr().(*net.TCPAddr).Port, server: grpc.NewServer(options...), block: make(chan struct{}),
	}
	testgrpc.RegisterTestServiceServer(b.server, b)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.server.Serve(listener)
	}()
	t.Cleanup(func() {
		b.server.Stop()
		<-ended
	})
	return b
}

func (b *backend) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	b.note(ctx)
	if b.failures.Add(-1) >= 0 {
		return nil, status.Error(codes.Unavailable, "told to fail")
	}
	return &testgrpc.SimpleResponse{Hostname: b.name, ServerId: b.version}, nil
}

// EmptyCall waits until the client cancels, or block is closed.
func (b *backend) EmptyCall(ctx context.Context, _ *testgrpc.Empty) (*testgrpc.Empty, error) {
	b.note(ctx)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-b.block:
		return &testgrpc.Empty{}, nil
	}
}

func (b *backend) note(ctx context.Context) {
	md, _ := metadata.FromIncomingContext(ctx)
	attempt := ""
	if v := md.Get("grpc-previous-rpc-attempts"); len(v) > 0 {
		attempt = v[0]
	}
	var left time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts, b.budgets = append(b.attempts, attempt), append(b.budgets, left)
}

// seen returns what was recorded since the last call of seen.
func (b *backend) seen() (attempts []string, budgets []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	attempts, budgets = b.attempts, b.budgets
	b.attempts, b.budgets = nil, nil
	return attempts, budgets
}

// call makes one call and returns its answer.
func call(t *testing.T, client testgrpc.TestServiceClient, headers ...string) (*testgrpc.SimpleResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), headers...), time.Minute)
	defer cancel()
	return client.UnaryCall(ctx, &testgrpc.SimpleRequest{})
}

// until calls until the result is as expected.
func until(t *testing.T, client testgrpc.TestServiceClient, wished string, ok func(*testgrpc.SimpleResponse, error) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		resp, err := call(t, client)
		if ok(resp, err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: never; the last call gave %v, %v", wished, resp, err)
		}
	}
}
