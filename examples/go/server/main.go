// Command server answers with its own name and version.
//
// Two things make an ordinary gRPC server a server of the mesh: its constructor, and the credentials, which fall back to plaintext
// where the control plane configures no TLS. Clients find it by its Service and EndpointSlices. It ends as a pod should: it stops
// taking connections and lets the calls under way finish.
package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/xds"

	pb "example.com/greeter/greeterpb"
)

// greeter is the service.
type greeter struct {
	pb.UnimplementedGreeterServer

	name, version string
}

func (g *greeter) Greet(context.Context, *pb.GreetRequest) (*pb.GreetResponse, error) {
	return &pb.GreetResponse{Server: g.name, Version: g.version}, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	g := &greeter{name: cmp.Or(os.Getenv("NAME"), hostname), version: cmp.Or(os.Getenv("VERSION"), "v1")}
	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "50051"))
	if err != nil {
		return err
	}
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		return fmt.Errorf("make credentials: %w", err)
	}
	server, err := xds.NewGRPCServer(grpc.Creds(creds))
	if err != nil {
		return fmt.Errorf("make a server: %w", err)
	}
	pb.RegisterGreeterServer(server, g)
	healthpb.RegisterHealthServer(server, health.NewServer()) // for the readiness probe
	context.AfterFunc(ctx, server.GracefulStop)
	fmt.Printf("%s, version %s, listens on %s\n", g.name, g.version, listener.Addr())
	return server.Serve(listener)
}
