package node

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// hack is the folder of node.sh and the files that it uses.
const hack = "../../../hack/testcluster"

// machine is a cluster as seen from outside: processes that end with this one, and a directory.
type machine struct {
	state string
	// networks are the first halves of its addresses, as in Setup.
	networks string
	nodes    []*exec.Cmd
}

// newMachine creates the directory. It must be on a file system that supports overlays, which those of /tmp often do
// not.
func newMachine(networks string) (*machine, error) {
	state, err := os.MkdirTemp("/var/tmp", "mizzen-node-")
	return &machine{state: state, networks: networks}, err
}

// machines are several clusters.
type machines []*machine

func newMachines(setups []Setup) (all machines, err error) {
	for i, setup := range setups {
		m, err := newMachine(cmp.Or(setup.Networks, networks(i)))
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
	return all, nil
}

// states are the directories, with colons between them.
func (all machines) states() string {
	var states []string
	for _, m := range all {
		states = append(states, m.state)
	}
	return strings.Join(states, ":")
}

func (all machines) remove(failed bool) error {
	var errs []error
	for _, m := range all {
		errs = append(errs, m.remove(failed))
	}
	return errors.Join(errs...)
}

// networks are those of the cluster with the index. The first one has those of node.sh.
func networks(index int) string {
	return fmt.Sprintf("10.%d 10.%d 10.%d", 77+index, 244+index, 96+index)
}

// check returns what this machine lacks; empty if nothing.
func check() string {
	output, err := command(context.Background(), "", "check").CombinedOutput()
	if err != nil && len(output) == 0 {
		return err.Error() + "\n"
	}
	return string(output)
}

// startAll starts node 0 and then the nodes that join it.
func (m *machine) startAll(ctx context.Context, zones []string) error {
	for i, zone := range zones {
		if err := m.start(ctx, i, zone); err != nil {
			return err
		}
	}
	return nil
}

// start runs a node and returns when it is ready. The node ends with this process.
func (m *machine) start(ctx context.Context, index int, zone string) error {
	output, input, err := os.Pipe()
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := command(ctx, m.state, "run", strconv.Itoa(index), zone)
	cmd.Env = append(cmd.Env, "NODE_NETWORKS="+m.networks)
	cmd.Stdout, cmd.Stderr = input, input
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	input.Close()
	if err != nil {
		return err
	}
	m.nodes = append(m.nodes, cmd)
	var said strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if lines.Text() == "ready" {
			return nil
		}
		fmt.Fprintln(&said, lines.Text())
	}
	return fmt.Errorf("node-%d has ended:\n%s", index, said.String())
}

// network returns the path of node 0's network namespace.
func (m *machine) network() (string, error) {
	pid, err := os.ReadFile(filepath.Join(m.state, "node-0", "pid"))
	return fmt.Sprintf("/proc/%s/ns/net", strings.TrimSpace(string(pid))), err
}

// remove stops the nodes and removes their files. After a failure it keeps the logs of nodes and pods.
func (m *machine) remove(failed bool) error {
	var err error
	if failed {
		err = m.keepLogs()
	}
	for _, node := range m.nodes {
		_ = node.Process.Kill()
		_ = node.Wait()
	}
	return errors.Join(err, script(context.Background(), m.state, "down"))
}

func (m *machine) keepLogs() error {
	kept, err := os.MkdirTemp("", "mizzen-node-logs-")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "e2e: the logs of the nodes are in", kept)
	var logs []string
	for _, pattern := range []string{"node-*/*.log", "node-*/pods"} {
		found, err := filepath.Glob(filepath.Join(m.state, pattern))
		if err != nil {
			return err
		}
		logs = append(logs, found...)
	}
	for i := range logs {
		if logs[i], err = filepath.Rel(m.state, logs[i]); err != nil {
			return err
		}
	}
	cmd := exec.Command("cp", append(append([]string{"--recursive", "--parents"}, logs...), kept)...)
	cmd.Dir = m.state
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// binaryPath is where the program of an image is built. Its name is the image's name, and becomes the entry point.
func binaryPath(state, image string) string {
	name, _, _ := strings.Cut(filepath.Base(image), ":")
	return filepath.Join(state, "binaries", name)
}

// build builds a Go package, which may be in another module, so that it runs in an empty image.
func build(ctx context.Context, to, source string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-trimpath", "-ldflags=-s -w", "-o", to, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, output)
	}
	return nil
}

// script runs a command of node.sh, and returns its output only in an error.
func script(ctx context.Context, state string, args ...string) error {
	if output, err := command(ctx, state, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("node.sh %s: %w\n%s", args[0], err, output)
	}
	return nil
}

func command(ctx context.Context, state string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(hack, "node.sh"), args...)
	cmd.Env = append(os.Environ(), "NODE_STATE="+state)
	return cmd
}
