package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/internal/page"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// uiPort is the local port that is forwarded, if it is free: addresses of views can be given to colleagues who run the same
// command.
const uiPort = 15015

// ui shows the page.
type ui struct {
	std   stdio
	flags inspectFlags
	// files is a folder to serve in place of a running control plane.
	files     string
	noBrowser bool
	only      choice
}

func newUI(std stdio) *cobra.Command {
	u := &ui{std: std, only: choice{port: uiPort}}
	cmd := &cobra.Command{
		Use:     "ui",
		Aliases: []string{"dashboard"},
		Short:   "Show the page of a running control plane in the browser",
		Long: `Show the page of a running control plane in the browser: who calls whom, hosts with their routes,
endpoints and clients, Problems, and what each client has. The page only reads.

The control plane is found as 'inspect' finds it. In a cluster, a port of one replica is forwarded
through the API server until the command is interrupted; that needs the right to list pods and to
forward their ports. A replica shows the clients that are connected to it: --replica chooses another
one. With --files a control plane serves the folder until the command is interrupted.

The address is printed on standard output. The browser is the one of the machine, or the command in
the variable BROWSER. If the control plane requires a token, the page asks for it: paste the content
of the file of its --admin-token.

Exit codes: 0 if the page was shown, or the address printed; 1 if no control plane answers, or the
connection to it ended; 2 if the command line is invalid.`,
		Example: `  controlplane ui
  controlplane ui --context kind-mizzen --replica mizzen-5d9c7b8f6-abcde
  controlplane ui --address 127.0.0.1:15014 --no-browser
  controlplane ui --files manifests/demo`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return u.run(cmd) },
	}
	u.flags.register(cmd.Flags())
	cmd.Flags().StringVarP(&u.files, flagFiles, "f", "", "`DIR` with objects to serve and show, in place of a running control plane")
	sameFlag(cmd, flagFilename, flagFiles)
	cmd.Flags().StringVar(&u.only.name, "replica", "", "`NAME` of the pod of the replica to show, in a cluster (default the first one)")
	cmd.Flags().BoolVar(&u.noBrowser, "no-browser", false, "print the address, and open no browser")
	return cmd
}

// validate rejects flags that exclude each other.
func (u *ui) validate(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed(flagFiles) && u.files == "":
		return usageErrorf(cmd, "--files is empty: name a folder")
	case u.files != "" && (u.flags.used(cmd) || u.only.name != ""):
		return usageErrorf(cmd, "--files excludes the flags that name a running control plane")
	case len(u.flags.addresses) > 1:
		return usageErrorf(cmd, "--address has %d addresses, and one page shows one control plane: give one", len(u.flags.addresses))
	case len(u.flags.addresses) > 0 && u.only.name != "":
		return usageErrorf(cmd, "--replica is for a cluster, and --address names the control plane already")
	}
	return u.flags.validate(cmd)
}

func (u *ui) run(cmd *cobra.Command) error {
	if err := u.validate(cmd); err != nil {
		return err
	}
	if u.files != "" {
		return u.serveFolder(cmd.Context())
	}
	u.flags.only = &u.only
	if u.only.name != "" && !u.flags.usesCluster(cmd) {
		// A replica is in a cluster: not the control plane on this machine is meant.
		if err := cmd.Flags().Set(flagMizzenNamespace, u.flags.namespace); err != nil {
			return err
		}
	}
	return u.flags.withReplicas(cmd, u.std, func(ctx context.Context, found replicas) error {
		if err := u.checkPage(ctx, found); err != nil {
			return err
		}
		if err := u.show(ctx, found.all[0].address); err != nil || found.config == nil {
			return err
		}
		u.sayReplica(found.all[0].name)
		<-ctx.Done()
		return nil
	})
}

// checkPage fails if what answers has no page, and says what to do if the page will ask for a token.
func (u *ui) checkPage(ctx context.Context, found replicas) error {
	bodies, err := found.fetch(ctx, admin.SessionPath)
	if err != nil {
		return err
	}
	var session struct {
		Required bool `json:"required"`
	}
	if err := json.Unmarshal(bodies[0], &session); err != nil {
		return fmt.Errorf("parse the answer of %s: %w", found.all[0].address, err)
	}
	switch {
	case !session.Required:
	case found.token != "":
		u.std.printErr("the page asks for a token: paste the content of %s\n", found.token)
	default:
		u.std.printErr("the page asks for a token: paste the content of the file of the control plane's --%s\n", flagAdminToken)
	}
	return nil
}

// show prints the address of the page on an admin address, and opens the browser.
func (u *ui) show(ctx context.Context, address string) error {
	url := "http://" + address + page.Path
	if _, err := fmt.Fprintln(u.std.out, url); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	if !u.noBrowser && !openBrowser(ctx, url) && ctx.Err() == nil {
		u.std.printErr("no browser could be opened: open the address yourself\n")
	}
	return nil
}

// sayReplica says which of several replicas is shown.
func (u *ui) sayReplica(name string) {
	if len(u.only.names) > 1 {
		u.std.printErr("showing replica %s and the clients that are connected to it, of %d replicas: %s; --replica chooses another\n", name, len(u.only.names), strings.Join(u.only.names, ", "))
	}
	u.std.printErr("forwarding a port of pod %s; Ctrl-C ends it\n", name)
}

// serveFolder serves a folder and shows its page until ctx ends.
func (u *ui) serveFolder(ctx context.Context) error {
	if info, err := os.Stat(u.files); err != nil {
		return fmt.Errorf("open the folder of --files: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("open the folder of --files: %s is not a folder", u.files)
	}
	logger, err := logging.New(logging.Options{Writer: u.std.err, Level: "warn", Format: "text"})
	if err != nil {
		return err
	}
	logging.Redirect(logger)
	p, err := newPlane(planeOptions{
		source:     files.NewSource(u.files, watch.Options{Logger: logger, Pods: true, Defaults: mesh.Defaults{LoadReports: mesh.LoadReportsAll}}),
		sourceName: "the folder " + u.files,
		addresses:  addresses{xds: "127.0.0.1:0", admin: fmt.Sprintf("127.0.0.1:%d", u.only.localPort())},
		grace:      time.Second, logger: logger,
		ready: func(p *plane) error {
			u.std.printErr("serving the folder %s: clients find it at %s; Ctrl-C ends it\n", u.files, p.ads.Addr())
			return u.show(ctx, p.admin.Addr())
		},
	})
	if err != nil {
		return err
	}
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
