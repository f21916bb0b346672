package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
)

// stateVariable tells the test binary that it runs in the network namespace of a node, and where the cluster's files
// are.
const stateVariable = "MIZZEN_E2E_NODE_STATE"

// Setup describes the cluster that the tests of a package need.
type Setup struct {
	// Workers are the zones of the nodes after node-0, which is in zone-a: node-1 is in the first of these zones.
	Workers []string
	// Images are built from Go packages and loaded on all nodes, by name. Pods need imagePullPolicy Never.
	Images map[string]string
}

// shared is used by all tests of the package: the cluster, or what is missing for it.
var shared struct {
	cluster *Cluster
	missing string
}

// Main runs the tests of a package on a new cluster. It does not return. TestMain only calls Main.
func Main(m *testing.M, setup Setup) {
	var code int
	var err error
	if state := os.Getenv(stateVariable); state != "" {
		shared.cluster, err = attach(state)
	} else if shared.missing = check(); shared.missing == "" {
		code, err = run(setup)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	case shared.missing != "":
		fmt.Fprintf(os.Stderr, "e2e: NOT RUN: the tests on real nodes cannot run on this machine:\n%s", shared.missing)
		code = m.Run() // every test is skipped with the reason
	case shared.cluster != nil:
		code = m.Run()
	}
	os.Exit(code)
}

// run starts the cluster, executes this binary again in the network namespace of node 0, and returns its exit code.
func run(setup Setup) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	machine, err := newMachine()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, machine.remove(err != nil || code != 0)) }()
	if err := machine.prepare(ctx, setup); err != nil {
		return 0, err
	}
	network, err := machine.network()
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + network, "--", self}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), stateVariable+"="+machine.state)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// prepare starts the nodes, builds the images meanwhile, and loads them.
func (m *machine) prepare(ctx context.Context, setup Setup) error {
	var group errgroup.Group
	group.Go(func() error { return m.startAll(ctx, setup.Workers) })
	binaries := map[string]string{}
	for image, source := range setup.Images {
		binary := binaryPath(m.state, image)
		binaries[image] = binary
		group.Go(func() error { return build(ctx, binary, source) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for image, binary := range binaries {
		if err := script(ctx, m.state, "load", image, binary); err != nil {
			return err
		}
	}
	return nil
}
