// Command echo is the program of the pods that the conformance suite of the Gateway API calls and lets call each other.
//
// The suite's own image has a client that resolves gRPC targets by DNS. This client is a proxyless one: for grpc:// it is an
// xDS client, with what injection gave the pod. For http:// it sends plain HTTP/1, as the suite's client does.
//
// Without a URL the program serves: "--port=8080 --grpc=7070", and the same without arguments. With a URL it calls, as
// "client URL [--method=METHOD] [-H name:value]... [--count=N]", and prints what the suite parses.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return call(ctx, args[0], args[1:])
	}
	return serve(ctx, args)
}
