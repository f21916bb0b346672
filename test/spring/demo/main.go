package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// errNotAsStated means that a call failed or a change was not followed. The details were printed.
var errNotAsStated = errors.New("the demo did not go as stated")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil && !interrupted {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	parts, err := setup()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mizzen-demo-spring-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := &world{parts: parts, dir: dir, rules: asInstalled}
	defer w.close()
	if err := w.start(ctx); err != nil {
		return err
	}
	return w.tell(ctx)
}

// setup returns the files that setup.sh prepares.
func setup() (map[string]string, error) {
	cmd := exec.Command("test/spring/setup.sh", "demo")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("prepare the applications: %w", err)
	}
	parts := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(output))); lines.Scan(); {
		name, file, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return nil, fmt.Errorf("a part of the demo is missing: %s", lines.Text())
		}
		parts[name] = file
	}
	return parts, nil
}

// world is everything that runs.
type world struct {
	parts map[string]string
	dir   string
	// rules are those in the folder.
	rules rules
	// program is the control plane, plane is the process; xds and admin are its addresses, which stay the same.
	program    string
	plane      *controlplane.Process
	planeLog   controlplane.Buffer
	xds, admin string
	// processes are what is stopped at the end, last first.
	processes []*process
	apps      []*goApp
	spring    map[string]*process
	// service takes the part of kube-proxy for the Service of sc-a.
	service *forwarder
	tally   *tally
}

// folder is the folder that the control plane serves.
func (w *world) folder() string { return filepath.Join(w.dir, "mesh") }

func (w *world) close() {
	for _, p := range slices.Backward(w.processes) {
		p.kill()
	}
	w.plane.Kill()
	for _, a := range w.apps {
		a.close()
	}
	w.service.close()
}
