package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The exit codes.
const (
	exitOK = iota
	// exitFailure: the command failed, or what it checked has errors.
	exitFailure
	// exitUsage: the command line is invalid.
	exitUsage
)

// stdio are the standard streams of a command; tests replace them.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// printErr writes to standard error. If that fails, there is no way to report it.
func (s stdio) printErr(format string, args ...any) { _, _ = fmt.Fprintf(s.err, format, args...) }

// print writes a command's result. A failed write is an error.
func (s stdio) print(text []byte) error {
	if _, err := s.out.Write(text); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// usageError is an invalid command line.
type usageError struct {
	command *cobra.Command
	err     error
}

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

// errFound ends a command with exitFailure after the command has printed what it found.
var errFound = errors.New("the command found something")

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, args []string, std stdio) int {
	return executeAs(ctx, programName, args, std)
}

// executeAs runs a command line of the program with that name in help and errors.
func executeAs(ctx context.Context, program string, args []string, std stdio) int {
	root := newRoot(std)
	rename(root, program)
	if len(args) == 0 {
		std.printErr("%s\n\n%s", root.Long, root.UsageString())
		return exitUsage
	}
	root.SetArgs(args)
	cmd, err := root, knownCommand(root, args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	var usage usageError
	if err != nil && cmd == root && !errors.As(err, &usage) {
		err = usageError{root, err} // the root only selects a command
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFailure
	case errors.As(err, &usage):
		std.printErr("%s: %v\nRun '%s --help' for usage.\n", program, err, usage.command.CommandPath())
		return exitUsage
	}
	std.printErr("%s: %v\n", program, err)
	if _, ok := errors.AsType[troubleError](err); ok {
		return exitUsage
	}
	return exitFailure
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   programName,
		Short: "A control plane for proxyless gRPC and Spring Cloud applications",
		Long: `Mizzen serves Kubernetes Services and Istio's ServiceEntries, and the Routes of the Gateway API
and Istio's rules for them, to gRPC clients and to Spring Cloud applications over xDS. gRPC
servers get mTLS and AuthorizationPolicies from it. It needs no proxy and no sidecar.

Start with 'controlplane demo', which needs no cluster.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	addVersionFlag(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{cmd, suggestFlag(cmd, err)} })
	root.AddCommand(
		newServe(std), newDemo(std), newRender(std), newCheck(std), newExplain(std), newAuthz(std),
		newBootstrap(std), newInspect(std), newDescribe(std), newUI(std), newHistory(std), newDiff(std), newRollback(std), newPin(std), newBugReport(std), newAgent(std),
		newSign(std), newAuthority(std), newUninstall(std), newVersion(std),
	)
	root.SetHelpCommand(newHelp(root))
	completeChoices(root)
	return root
}

// newHelp makes the command help, as cobra's, except that a command that does not exist is an error.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Help about any command",
		Long:  "Print the help of a command, as its flag --help does.",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			cmd, _, err := root.Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return subcommands(cmd), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd := root
			for i, arg := range args {
				at := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == arg })
				switch {
				case at >= 0:
					cmd = cmd.Commands()[at]
				case i == len(args)-1 && slices.Contains(cmd.ValidArgs, arg):
				default:
					return usageErrorf(cmd, "there is no help about %q%s", strings.Join(args, " "), didYouMean(arg, append(subcommands(cmd), cmd.ValidArgs...)))
				}
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// knownCommand fails if an argument stands where a command that only selects another one has its subcommand.
func knownCommand(root *cobra.Command, args []string) error {
	root.InitDefaultCompletionCmd(args...)
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.Runnable() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil //nolint:nilerr // cobra reports it
	}
	return unknownCommand(cmd, rest[0])
}

func unknownCommand(cmd *cobra.Command, name string) error {
	return usageErrorf(cmd, "unknown command %q for %q%s", name, cmd.CommandPath(), didYouMean(name, subcommands(cmd)))
}

// subcommands are the names of the commands below a command.
func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// didYouMean is what to add to an error about a word, in cobra's form; empty if no known word is near.
func didYouMean(word string, known []string) string {
	meant := mesh.Nearest(word, known)
	if i := slices.IndexFunc(known, func(one string) bool { return strings.HasPrefix(one, word) }); i >= 0 {
		meant = known[i] // It is the beginning of one.
	}
	if meant == "" || len(strings.Trim(word, "-")) < 2 {
		return ""
	}
	return "\n\nDid you mean this?\n\t" + meant + "\n"
}

// suggestFlag adds to the error about an unknown flag the flag that was probably meant, as cobra does for commands.
func suggestFlag(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return fmt.Errorf("%w%s", err, strings.Replace(didYouMean(unknown.GetSpecifiedName(), names), "\t", "\t--", 1))
}

// noArgs is for commands that have only flags.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf(cmd, "unexpected argument %q", args[0])
	}
	return nil
}

func usageErrorf(cmd *cobra.Command, format string, args ...any) error {
	return usageError{cmd, fmt.Errorf(format, args...)}
}
