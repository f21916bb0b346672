package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/manifests"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// demoScene is what the demo's scenario is told. demoinside.go and demobeside.go are two ways to play it.
type demoScene struct {
	// folder is what the control plane at these addresses serves.
	folder      string
	addresses   addresses
	step        time.Duration
	interactive bool
	logging     logging.Options
}

func newDemo(std stdio) *cobra.Command {
	scene := demoScene{logging: logging.Options{Writer: std.err, Format: "text"}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a working mesh in one terminal, in about 20 seconds",
		Long: `Start a control plane, two versions of a greeter on loopback ports and a client that calls
them 200 times a second over xds:///. Then shift traffic from one version to the other by
editing a VirtualService in a temporary folder, kill a backend, and show the client's results
and how fast each change reached it. The address of the page that shows the same in a browser is
among the first lines.

The exit code is 0 if all steps gave the stated result, and 1 if not. All files are removed.`,
		Example: `  controlplane demo
  controlplane demo --interactive`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if scene.step <= 0 {
				return usageErrorf(cmd, "--step must be more than 0")
			}
			logger, err := logging.New(scene.logging)
			if err != nil {
				return usageError{cmd, err}
			}
			logging.Redirect(logger)
			play, err := demoPlayer(std)
			if err != nil {
				return err
			}
			if scene.folder, err = newDemoFolder(); err != nil {
				return err
			}
			err = runDemo(cmd.Context(), scene, play, planeOptions{
				source:     files.NewSource(scene.folder, watch.Options{Logger: logger, Defaults: mesh.Defaults{LoadReports: mesh.LoadReportsAll}}),
				sourceName: "the demo's folder " + scene.folder,
				addresses:  addresses{xds: "127.0.0.1:0", admin: "127.0.0.1:0"},
				// The client reports often, so that the page shows how each step moves its calls.
				reportInterval: time.Second,
				logger:         logger,
			})
			return errors.Join(err, os.RemoveAll(scene.folder))
		},
	}
	cmd.Flags().BoolVar(&scene.interactive, "interactive", false, "keep everything running at the end")
	cmd.Flags().DurationVar(&scene.step, "step", 5*time.Second, "how long each of the four steps is watched")
	cmd.Flags().StringVar(&scene.logging.Level, "log-level", "error", "log lines of this level and above: `debug|info|warn|error`")
	return cmd
}

// newDemoFolder makes the demo's copy of its manifests.
func newDemoFolder() (string, error) {
	objects, err := manifests.Demo()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mizzen-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the demo: %w", err)
	}
	if err := os.CopyFS(dir, objects); err != nil {
		return "", errors.Join(fmt.Errorf("fill the demo's folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// runDemo runs a control plane, and plays the scenario over it once clients are served. It returns nil if ctx ended.
func runDemo(ctx context.Context, scene demoScene, play func(context.Context, demoScene) error, o planeOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := make(chan addresses, 1)
	o.ready = func(p *plane) error {
		ready <- addresses{xds: p.ads.Addr(), admin: p.admin.Addr()}
		return nil
	}
	p, err := newPlane(o)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.Run(ctx) })
	group.Go(func() error {
		defer cancel() // the control plane ends with the scenario
		select {
		case scene.addresses = <-ready:
			return play(ctx, scene)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
