//go:build nodemo

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// demoProgram plays the scenario in builds without it, which are smaller by gRPC's client over xDS.
const demoProgram = "controlplane-demo"

// demoPlayer plays the scenario in the program demoProgram.
func demoPlayer(std stdio) (func(context.Context, demoScene) error, error) {
	program, err := findDemo()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s demoScene) error {
		cmd := exec.CommandContext(ctx, program, "--folder", s.folder, "--xds", s.addresses.xds, "--admin", s.addresses.admin,
			"--step", s.step.String(), fmt.Sprintf("--interactive=%t", s.interactive), "--log-level", s.logging.Level) //nolint:gosec // the program of the same release
		said := &noticed{to: std.err}
		cmd.Stdout, cmd.Stderr = std.out, said
		// It ends in good order when its standard input does, on every system and however this process ends.
		input, err := cmd.StdinPipe()
		if err != nil {
			return fmt.Errorf("run %s: %w", program, err)
		}
		cmd.Cancel, cmd.WaitDelay = input.Close, 10*time.Second
		err = cmd.Run()
		exit, ended := errors.AsType[*exec.ExitError](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case ended && exit.ExitCode() == 3:
			return errors.New("the demo did not go as stated")
		case ended && exit.ExitCode() == 1 && said.something:
			return errFound // it has printed why
		case ended:
			return fmt.Errorf("the demo ended early: %s: %w", program, exit)
		case err != nil:
			return fmt.Errorf("run %s: %w", program, err)
		}
		return nil
	}, nil
}

// noticed notices whether something is written.
type noticed struct {
	to        io.Writer
	something bool
}

func (n *noticed) Write(text []byte) (int, error) {
	n.something = true
	return n.to.Write(text)
}

// findDemo returns the path of demoProgram: beside this program, or else in PATH.
func findDemo() (string, error) {
	name := demoProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the folder of this program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", fmt.Errorf("find the folder of this program: %w", err)
	}
	beside := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the demo needs the program %s, which is neither at %s nor in PATH: copy it there from where this program comes from. "+
			"In a checkout, 'make build' writes both, and 'make demo' runs the demo", name, beside)
	}
	return program, nil
}
