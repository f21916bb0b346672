package demo

import (
	"context"
	"errors"
	"io"
	"os"
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

// Options are the settings of the demo. Out and ControlPlane are required.
type Options struct {
	Out io.Writer
	// Terminal is true if Out understands cursor movements; otherwise only whole lines are printed.
	Terminal bool
	// Interactive keeps everything running after the last step, until the context ends.
	Interactive bool
	// Step is the duration of each step; 5 s if zero.
	Step time.Duration
	// ControlPlane runs a control plane over a folder until ctx ends, and calls ready once, when clients are served.
	ControlPlane func(ctx context.Context, dir string, ready func(Addresses)) error
}

// Run runs the demo. It returns nil if all steps gave the stated result or ctx ended, and ErrNotAsStated if a step
// did not.
func Run(ctx context.Context, o Options) (err error) {
	if o.Step == 0 {
		o.Step = 5 * time.Second
	}
	folder, err := newFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(string(folder))) }()
	backends, err := newBackends(folder)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range backends {
		group.Go(func() error { return b.Run(ctx) })
	}
	ready := make(chan Addresses, 1)
	group.Go(func() error {
		return o.ControlPlane(ctx, string(folder), func(a Addresses) { ready <- a })
	})
	group.Go(func() error {
		defer cancel() // everything ends with the scenario
		select {
		case addresses := <-ready:
			return runScenario(ctx, o, addresses, folder, backends)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // ctx ended
}

// runScenario connects the client and runs the scenario under its load.
func runScenario(ctx context.Context, o Options, addresses Addresses, folder folder, backends []*backend) error {
	config, err := bootstrap.JSON(bootstrap.Options{
		ServerURI: addresses.XDS, NodeID: "mizzen-demo-client", Namespace: namespace,
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
		addresses:   addresses,
		folder:      folder,
		backends:    backends,
		client:      client,
		tally:       newTally(),
		screen:      &screen{out: o.Out, terminal: o.Terminal},
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
