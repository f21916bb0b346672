package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/access"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func newAuthz(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "authz",
		Short: "Show who may call what, and test it",
		Long: `Decide calls by the AuthorizationPolicies and PeerAuthentications in files, as the servers of
the mesh do. Nothing is asked of a cluster.

A Service's servers are its pods: the Pods behind its EndpointSlices or, without EndpointSlices,
the Pods that it selects. A pod enforces policies if it has the label mizzen.dev/server: xds, and
knows its callers if it has mizzen.dev/identity: spiffe as well. If the files have no Pods of a
Service, its selector is taken for their labels, and they are taken for servers that enforce.`,
		// Exit code 1 is a verdict, so that a misspelled subcommand must not have it.
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageErrorf(cmd, "a subcommand is needed: explain, matrix, test or coverage")
		},
	}
	cmd.AddCommand(newAuthzExplain(std), newAuthzMatrix(std), newAuthzTest(std), newAuthzCoverage(std))
	return cmd
}

// authzFlags are those of all subcommands.
type authzFlags struct {
	input  inputFlags
	output string
}

func (f *authzFlags) register(cmd *cobra.Command, outputs string) {
	f.input.register(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "form of the output: `"+outputs+"`")
}

// load reads the objects. As 1 is a verdict, input that cannot be read has the exit code of a wrong command line.
func (f *authzFlags) load(cmd *cobra.Command, std stdio, outputs ...string) (*mesh.World, error) {
	if !slices.Contains(outputs, f.output) {
		return nil, usageErrorf(cmd, "unknown output %q: it is one of %s", f.output, strings.Join(outputs, ", "))
	}
	world, err := f.input.load(cmd, std)
	if err != nil {
		return nil, asUsage(cmd, err)
	}
	var missing []error
	for _, p := range world.Problems {
		switch {
		case p.Code != mesh.CodeUnreadable && p.Code != mesh.CodeTooLarge:
		case p.Object.Kind == mesh.KindFile && p.Source == p.Object.Name:
			// A whole file may have policies of which nothing is known, so that no verdict is right.
			missing = append(missing, fmt.Errorf("%s", p))
		default:
			std.printErr("%s\n", p) // Policies in a part that cannot be parsed close.
		}
	}
	if len(missing) > 0 {
		return nil, asUsage(cmd, errors.Join(missing...))
	}
	return world, nil
}

// asUsage makes an error one of the command line.
func asUsage(cmd *cobra.Command, err error) error {
	if usage := (usageError{}); errors.As(err, &usage) {
		return err
	}
	return usageError{cmd, err}
}

// printJSON prints a value as JSON.
func printJSON(std stdio, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return std.print(append(text, '\n'))
}

// accountsOf parses the accounts of a flag.
func accountsOf(cmd *cobra.Command, name string, texts []string) ([]access.Account, error) {
	var all []access.Account
	for _, text := range texts {
		account, err := access.ParseAccount(text)
		if err != nil {
			return nil, usageErrorf(cmd, "--%s: %w", name, err)
		}
		all = append(all, account)
	}
	return all, nil
}
