// Command client calls a service once a second over xds:/// and prints who answered.
//
// Three lines make an ordinary gRPC client a client of the mesh: the import of google.golang.org/grpc/xds, a target that
// begins with xds:///, and the credentials, which fall back to plaintext where the control plane configures none.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	testpb "google.golang.org/grpc/interop/grpc_testing" // stands for the code generated from your own service
	_ "google.golang.org/grpc/xds"                       // registers the xds:/// scheme
)

func main() {
	target := flag.String("target", "xds:///greeter.demo:50051", "what to dial")
	flag.Parse()
	if err := run(*target); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(target string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	creds, err := xdscreds.NewClientCredentials(xdscreds.ClientOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		return fmt.Errorf("make credentials: %w", err)
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds))
	if err != nil {
		return fmt.Errorf("make a client of %s: %w", target, err)
	}
	greeter := testpb.NewTestServiceClient(conn)

	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		call(ctx, greeter)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return conn.Close()
		}
	}
}

// call prints a failure and goes on: what fails now may be repaired by the next change of the mesh.
func call(ctx context.Context, greeter testpb.TestServiceClient) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	response, err := greeter.UnaryCall(ctx, &testpb.SimpleRequest{FillServerId: true})
	switch {
	case err != nil:
		fmt.Println("failed:", err)
	default:
		fmt.Printf("answered by %s, version %s\n", response.GetHostname(), response.GetServerId())
	}
}
