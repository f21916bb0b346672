package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/demo"
	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

func newDemo(std stdio) *cobra.Command {
	options := demo.Options{Out: std.out, Terminal: isTerminal(std.out)}
	logs := logging.Options{Writer: std.err, Format: "text"}
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
			if options.Step <= 0 {
				return usageErrorf(cmd, "--step must be more than 0")
			}
			logger, err := logging.New(logs)
			if err != nil {
				return usageError{cmd, err}
			}
			logging.Redirect(logger)
			options.ControlPlane = func(ctx context.Context, dir string, ready func(demo.Addresses)) error {
				p, err := newPlane(planeOptions{
					source:     files.NewSource(dir, watch.Options{Logger: logger, Defaults: mesh.Defaults{LoadReports: mesh.LoadReportsAll}}),
					sourceName: "the demo's folder " + dir,
					addresses:  addresses{xds: "127.0.0.1:0", admin: "127.0.0.1:0"},
					// The client reports often, so that the page shows how each step moves its calls.
					reportInterval: demo.ReportInterval,
					logger:         logger,
					ready: func(p *plane) error {
						ready(demo.Addresses{XDS: p.ads.Addr(), Admin: p.admin.Addr()})
						return nil
					},
				})
				if err != nil {
					return err
				}
				return p.Run(ctx)
			}
			return demo.Run(cmd.Context(), options)
		},
	}
	cmd.Flags().BoolVar(&options.Interactive, "interactive", false, "keep everything running at the end")
	cmd.Flags().DurationVar(&options.Step, "step", 5*time.Second, "how long each of the four steps is watched")
	cmd.Flags().StringVar(&logs.Level, "log-level", "error", "log lines of this level and above: `debug|info|warn|error`")
	return cmd
}

// isTerminal reports whether out is a terminal in which the cursor can be moved.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
