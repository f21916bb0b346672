package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// backend answers calls, and fails a share of them.
type backend struct {
	testpb.UnimplementedTestServiceServer

	failing float64
}

func (b backend) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	if rand.Float64() < b.failing {
		return nil, status.Error(codes.Internal, "the backend fails, as the test says")
	}
	return &testpb.Empty{}, nil
}

func runBackend(ctx context.Context, i int, w workload) error {
	if w.port == 0 {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address(i), strconv.Itoa(w.port)))
	if err != nil {
		return fmt.Errorf("listen as %s: %w", w.name, err)
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, backend{failing: w.failing})
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	return server.Serve(listener)
}
