package demo

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// ErrNotAsStated means that a share of the requests was outside its bounds, a request failed, or a change did not
// arrive. The details were printed.
var ErrNotAsStated = errors.New("the demo did not go as stated")

const (
	namespace = "demo"
	// timeout limits everything that should take milliseconds.
	timeout = 10 * time.Second
	// Target is the name that the demo's client dials.
	Target = "xds:///greeter.demo:50051"
)

// Addresses are the addresses of a control plane.
type Addresses struct{ XDS, Admin string }

// Options are the settings of the demo. All but Interactive are required.
type Options struct {
	// Out may be a terminal, in which a table is drawn again and again. On others only whole lines are printed.
	Out io.Writer
	// Interactive keeps everything running after the last step, until the context ends.
	Interactive bool
	// Step is the duration of each step.
	Step time.Duration
	// Folder is a copy of manifests.Demo, which the control plane serves at these addresses.
	Folder    string
	Addresses Addresses
}

// Run plays the scenario. It returns nil if all steps gave the stated result or ctx ended, and ErrNotAsStated if a step
// did not.
func Run(ctx context.Context, o Options) error {
	backends, err := newBackends(folder(o.Folder))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range backends {
		group.Go(func() error { return b.Run(ctx) })
	}
	group.Go(func() error {
		defer cancel() // everything ends with the scenario
		return runScenario(ctx, o, backends)
	})
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // ctx ended
}

// runScenario connects the client and runs the scenario under its load.
func runScenario(ctx context.Context, o Options, backends []*backend) error {
	config, err := bootstrap.JSON(bootstrap.Options{
		ServerURI: o.Addresses.XDS, NodeID: "mizzen-demo-client", Namespace: namespace,
	})
	if err != nil {
		return err
	}
	client, err := newClient(config)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := client.connect(ctx, timeout); err != nil {
		return err
	}
	s := &scenario{
		stepTime:    o.Step,
		interactive: o.Interactive,
		addresses:   o.Addresses,
		folder:      folder(o.Folder),
		backends:    backends,
		client:      client,
		tally:       newTally(),
		screen:      &screen{out: o.Out, terminal: isTerminal(o.Out)},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return (&load{client: client, tally: s.tally}).Run(ctx) })
	group.Go(func() error {
		defer cancel()
		return s.run(ctx)
	})
	return group.Wait()
}
