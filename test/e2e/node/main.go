package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
)

// stateVariable tells the test binary that it runs in the network namespace of node 0 of the first cluster, and where the
// files of the clusters are, one directory after the other with colons between them.
const stateVariable = "MIZZEN_E2E_NODE_STATE"

// Setup describes a cluster that the tests of a package need.
type Setup struct {
	// Zone is the zone of node-0; zone-a if it is empty.
	Zone string
	// Workers are the zones of the nodes after node-0: node-1 is in the first of these zones.
	Workers []string
	// Images are built from Go packages and loaded on all nodes, by name. Pods need imagePullPolicy Never.
	Images map[string]string
	// Networks are the first halves of the addresses of nodes, pods and Services. If it is empty, each cluster has its own.
	Networks string
}

// shared is used by all tests of the package: the clusters, or what is missing for them.
var shared struct {
	clusters []*Cluster
	missing  string
}

// Main runs the tests of a package on a new cluster, or on several that are not linked yet. It does not return. TestMain only
// calls Main.
func Main(m *testing.M, setup Setup, more ...Setup) {
	var code int
	var err error
	if states := os.Getenv(stateVariable); states != "" {
		shared.clusters, err = attachAll(strings.Split(states, ":"))
	} else if shared.missing = check(); shared.missing == "" {
		code, err = run(append([]Setup{setup}, more...))
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	case shared.missing != "":
		fmt.Fprintf(os.Stderr, "e2e: NOT RUN: the tests on real nodes cannot run on this machine:\n%s", shared.missing)
		code = m.Run() // every test is skipped with the reason
	case len(shared.clusters) > 0:
		code = m.Run()
	}
	os.Exit(code)
}

// run starts the clusters, executes this binary again in the network namespace of the first one's node 0, and returns its
// exit code.
func run(setups []Setup) (code int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	all, err := newMachines(setups)
	defer func() { err = errors.Join(err, all.remove(err != nil || code != 0)) }()
	if err == nil {
		err = all.prepare(ctx, setups)
	}
	if err != nil {
		return 0, err
	}
	network, err := all[0].network()
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + network, "--", self}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), stateVariable+"="+all.states())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// prepare starts all clusters at once.
func (all machines) prepare(ctx context.Context, setups []Setup) error {
	var group errgroup.Group
	for i, m := range all {
		group.Go(func() error { return m.prepare(ctx, setups[i]) })
	}
	return group.Wait()
}

// prepare starts the nodes, builds the images meanwhile, and loads them.
func (m *machine) prepare(ctx context.Context, setup Setup) error {
	var group errgroup.Group
	group.Go(func() error { return m.startAll(ctx, append([]string{cmp.Or(setup.Zone, "zone-a")}, setup.Workers...)) })
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
