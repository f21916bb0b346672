// Command server answers with its own name and version.
//
// Nothing in it knows of a mesh: a server is found by its Service and EndpointSlices. It ends as a pod should: it stops
// taking connections and lets the calls under way finish.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing" // stands for the code generated from your own service
)

// greeter is the service.
type greeter struct {
	testpb.UnimplementedTestServiceServer

	name, version string
}

// UnaryCall says who answers.
func (g *greeter) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{Hostname: g.name, ServerId: g.version}, nil
}

func main() {
	address := flag.String("address", "127.0.0.1:50061", "where to listen")
	g := &greeter{}
	flag.StringVar(&g.name, "name", "greeter-v1-a", "name to answer with")
	flag.StringVar(&g.version, "version", "v1", "version to answer with")
	flag.Parse()
	if err := run(*address, g); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(address string, g *greeter) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, g)
	healthpb.RegisterHealthServer(server, health.NewServer())
	context.AfterFunc(ctx, server.GracefulStop)
	fmt.Printf("%s %s listens on %s\n", g.name, g.version, listener.Addr())
	return server.Serve(listener)
}
