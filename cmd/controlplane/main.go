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
	signaled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// The first signal asks for an orderly end. Before that begins, signals get their usual effect back, so that a second one
	// ends the process at once.
	context.AfterFunc(signaled, func() {
		stop()
		cancel()
	})
	return execute(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
