package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK = iota
	// exitFailure: the command could not do its work, or what it checked is not in order.
	exitFailure
	// exitUsage: the command line makes no sense.
	exitUsage
)

// stdio is what a command reads and writes, so that tests may stand in for a terminal.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// tell writes to standard error. There is nobody left to tell if that fails.
func (s stdio) tell(format string, args ...any) { _, _ = fmt.Fprintf(s.err, format, args...) }

// print writes a command's result, whose loss is a failure.
func (s stdio) print(text []byte) error {
	if _, err := s.out.Write(text); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// usageError is a command line that makes no sense.
type usageError struct {
	command *cobra.Command
	err     error
}

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

// errFound ends a command with exitFailure after it has said itself what it found.
var errFound = errors.New("the command found something")

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, std stdio) int {
	root := newRoot(std)
	if len(args) == 0 {
		std.tell("%s\n\n%s", root.Long, root.UsageString())
		return exitUsage
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && cmd == root {
		err = usageError{root, err} // the root does nothing but choose a command
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFailure
	case errors.As(err, &usage):
		std.tell("%s: %v\nRun '%s --help' for usage.\n", root.Name(), err, usage.command.CommandPath())
		return exitUsage
	}
	std.tell("%s: %v\n", root.Name(), err)
	return exitFailure
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "controlplane",
		Short: "A control plane for proxyless gRPC clients",
		Long: `Mizzen serves Kubernetes Services, and the Istio VirtualServices and DestinationRules for
them, to gRPC clients over xDS. It needs no proxy, no sidecar and no agent.

Start with 'controlplane demo', which needs nothing but this binary.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd, err} })
	root.AddCommand(
		newServe(std), newDemo(std), newRender(std), newCheck(std), newExplain(std),
		newBootstrap(std), newInspect(std), newUninstall(std), newVersion(std),
	)
	return root
}

// noArgs is for commands that take flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf(cmd, "unexpected argument %q", args[0])
	}
	return nil
}

func usageErrorf(cmd *cobra.Command, format string, args ...any) error {
	return usageError{cmd, fmt.Errorf(format, args...)}
}
