// Command client calls a service once a second over xds:/// and prints who answered.
//
// Three lines make an ordinary gRPC client a client of the mesh: the import of google.golang.org/grpc/xds, a target that
// begins with xds:///, and the credentials, which fall back to plaintext where the control plane configures none.
// Nothing here says where the control plane is: gRPC reads that from GRPC_XDS_BOOTSTRAP_CONFIG.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/metadata"
	_ "google.golang.org/grpc/xds" // registers the xds:/// scheme

	pb "example.com/greeter/greeterpb"
)

func main() {
	headers := metadata.MD{}
	flag.Func("H", "send the header `NAME: VALUE` with each call; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return errors.New("it has the form NAME: VALUE")
		}
		headers.Append(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	flag.Parse()
	if err := run(cmp.Or(os.Getenv("TARGET"), "xds:///greeter"), headers); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func run(target string, headers metadata.MD) error {
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
	greeter := pb.NewGreeterClient(conn)

	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		call(metadata.NewOutgoingContext(ctx, headers), greeter)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return conn.Close()
		}
	}
}

// call prints a failure and goes on: what fails now may be repaired by the next change of the mesh.
func call(ctx context.Context, greeter pb.GreeterClient) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := greeter.Greet(ctx, &pb.GreetRequest{})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Printf("answered by %s, version %s\n", response.GetServer(), response.GetVersion())
}
