// Command controlplane is Mizzen: a control plane for gRPC clients that use xDS without a proxy.
//
// There is one file for each subcommand. Read serve.go first: it connects all parts.
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

// run exists because os.Exit does not run deferred calls.
func run() int {
	signaled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// The first signal starts a graceful shutdown. Before that, the default behavior of signals is restored, so that
	// a second signal ends the process immediately.
	context.AfterFunc(signaled, func() {
		stop()
		cancel()
	})
	program, args := invoked(os.Args)
	return executeAs(ctx, program, args, stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
