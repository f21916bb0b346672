// Command controlplane is Mizzen: a control plane for gRPC clients that speak xDS themselves.
//
// There is one file for each subcommand. serve.go is where everything is wired together; read it first.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run keeps deferred calls apart from os.Exit.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly end. After it they have their usual effect again, so that a second one ends at once.
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
