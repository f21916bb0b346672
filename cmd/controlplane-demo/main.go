// Command controlplane-demo plays the scenario of 'controlplane demo', which runs it. It is a program apart because gRPC's
// client over xDS would make every control plane larger by a twelfth.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/demo"
	"github.com/mizzen-mesh/mizzen/internal/logging"
)

// The exit codes. 'controlplane demo' says what notAsStated means.
const (
	failure     = 1
	usage       = 2
	notAsStated = 3
)

func main() {
	os.Exit(run())
}

func run() int {
	o := demo.Options{Out: os.Stdout}
	logs := logging.Options{Writer: os.Stderr, Format: "text"}
	flag.StringVar(&o.Folder, "folder", "", "`folder` that the control plane serves")
	flag.StringVar(&o.Addresses.XDS, "xds", "", "`address` of the control plane for clients")
	flag.StringVar(&o.Addresses.Admin, "admin", "", "`address` of the control plane for operators")
	flag.DurationVar(&o.Step, "step", 5*time.Second, "how long each step is watched")
	flag.BoolVar(&o.Interactive, "interactive", false, "keep everything running at the end")
	flag.StringVar(&logs.Level, "log-level", "error", "log lines of this level and above")
	flag.Parse()
	if o.Folder == "" || o.Addresses.XDS == "" || o.Addresses.Admin == "" {
		_, _ = fmt.Fprintln(os.Stderr, "controlplane-demo: this program is a part of 'controlplane demo': run that")
		return usage
	}
	logger, err := logging.New(logs)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "controlplane-demo:", err)
		return usage
	}
	logging.Redirect(logger)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	switch err := demo.Run(untilClosed(ctx, os.Stdin), o); {
	case errors.Is(err, demo.ErrNotAsStated):
		return notAsStated
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "controlplane:", err)
		return failure
	}
	return 0
}

// untilClosed returns a context that ends when there is no more to read: 'controlplane demo' holds the other end until it
// wants the scenario to end, or ends itself.
func untilClosed(ctx context.Context, input io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the process
		defer cancel()
		_, _ = io.Copy(io.Discard, input)
	}()
	return ctx
}
