// Command app runs in the pods of the node tests, from an image with no other content.
//
//	app serve               answer gRPC calls on port 50051, and HTTP calls on port 8080, with the names of the pod and of its version (VERSION)
//	app call TARGET COUNT   call a target COUNT times, round robin, and print for each pod its number of answers
//	app calls TARGET COUNT  the same, and go on without a call
//	app load TARGET         call a target, which may be the URL of an HTTP service, continuously and print the results of each second as a line of JSON
//	app drive FOLDER TARGET COMMAND...
//	                        have a client of package interop call a target continuously, and keep the results in a file of FOLDER
//	app certificate ADDRESS print the certificate that a server presents to its clients
//	app idle                do nothing, so that other commands can be run by kubectl exec
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	_ "google.golang.org/grpc/xds" // the resolver for xds targets
)

// patience is the time in which a call must end. The first call includes name resolution and connecting.
const patience = 20 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatalln(err)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serve(ctx)
	case len(args) == 3 && args[0] == "call":
		return call(ctx, args[1], args[2], func() {})
	case len(args) == 3 && args[0] == "calls":
		return call(ctx, args[1], args[2], func() { <-ctx.Done() })
	case len(args) == 2 && args[0] == "load":
		return load(ctx, args[1])
	case len(args) > 3 && args[0] == "drive":
		return drive(ctx, args[1], args[2], args[3:])
	case len(args) == 2 && args[0] == "certificate":
		return certificate(ctx, args[1])
	case len(args) == 1 && args[0] == "idle":
		<-ctx.Done()
		return nil
	default:
		return fmt.Errorf("usage: app serve | app call TARGET COUNT | app calls TARGET COUNT | app load TARGET | app drive FOLDER TARGET COMMAND... | app certificate ADDRESS | app idle; got %q", args)
	}
}

type server struct {
	testpb.UnimplementedTestServiceServer

	pod    string
	served *atomic.Int64
}

func (s server) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	s.served.Add(1)
	return &testpb.SimpleResponse{Hostname: s.pod, ServerId: os.Getenv("VERSION")}, nil
}

// ServeHTTP answers in JSON, as the Spring application of the tests does.
func (s server) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer{Version: os.Getenv("VERSION"), Pod: s.pod, Served: s.served.Load()})
}

// serve finishes running calls before it ends, so that a rolling update loses no call.
func serve(ctx context.Context) error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":50051")
	if err != nil {
		return err
	}
	s, ready := grpc.NewServer(), health.NewServer()
	app := server{pod: pod, served: &atomic.Int64{}}
	testpb.RegisterTestServiceServer(s, app)
	healthpb.RegisterHealthServer(s, ready)
	pages := &http.Server{Handler: app, ReadHeaderTimeout: patience}
	go func() { _ = pages.Serve(web) }()
	context.AfterFunc(ctx, func() {
		ready.Shutdown()
		_ = pages.Shutdown(context.Background())
		s.GracefulStop()
	})
	fmt.Println("serving", pod)
	return s.Serve(listener)
}

// call calls finally before it closes the channel.
func call(ctx context.Context, target, count string, finally func()) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	if err != nil {
		return err
	}
	defer channel.Close()
	client, answers := testpb.NewTestServiceClient(channel), map[string]int{}
	for range n {
		ctx, cancel := context.WithTimeout(ctx, patience)
		answer, err := client.UnaryCall(ctx, &testpb.SimpleRequest{}, grpc.WaitForReady(true))
		cancel()
		if err != nil {
			return err
		}
		answers[answer.GetHostname()]++
	}
	for _, pod := range slices.Sorted(maps.Keys(answers)) {
		fmt.Println(pod, answers[pod])
	}
	finally()
	return nil
}
