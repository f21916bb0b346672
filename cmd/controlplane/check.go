package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/problemformat"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// checkFlags define what is checked, and how the result is printed.
type checkFlags struct {
	input   inputFlags
	cluster checkedCluster
	plane   checkedPlane
	strict  bool
	kind    clientKindFlag
	format  string
	exclude []string
}

func newCheck(std stdio) *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:        "check [FILE|DIR]...",
		SuggestFor: []string{"analyze", "lint", "validate", "verify"},
		Short:      "Print the Problems of objects in files or in a cluster, and fail if there are errors",
		Long: `Print one line for each Problem: severity, code, object, field and message. With -o they
are printed for tools: as a JSON array, as SARIF for code scanning, or as GitHub workflow
commands, which GitHub shows beside the lines of the objects.

  error    is invalid, or makes calls fail
  warning  has no effect, and calls go where they would go with it; or calls fail because
           endpoints or ports are missing, which may be there later
  info     is in effect, with a caveat

Without --client these are the Problems of gRPC clients in their current versions. With it they
are the Problems of that client alone: what its kind and version ignores, or what HTTP clients
do not follow.

--exclude leaves out the Problems of a code. The annotation mizzen.dev/ignore leaves them out
for one object.

With --context or --kubeconfig the objects of that cluster are checked: all objects of the kinds
that the control plane reads, of all namespaces. --namespace prints only the Problems of one
namespace; they still depend on the objects of the others. A kind that the cluster does not
serve, or that you may not list, is an error, and the other kinds are checked. For nodes,
without which regions are not known, and for namespaces and policies, it is a warning.

With --address running control planes report their Problems. They also know their clients:
which of them rejected a resource, cannot encrypt their calls, or are refused by a policy.

'controlplane check install' checks the installation of Mizzen itself.

The exit code is 1 if there is an error, with --strict also if there is a warning,
2 if the command line is invalid or an input cannot be read, and 0 otherwise.`,
		Example: `  controlplane check manifests/demo
  controlplane check --strict -f base -f overlay/virtualservice.yaml
  controlplane check -f . -o github
  controlplane check -f . --client mizzen-java-agent
  controlplane check -f . --client "gRPC Node 1.14"
  controlplane check --address 127.0.0.1:15014 -n shop
  controlplane check --context kind-mizzen
  controlplane check --context kind-mizzen -n shop --strict`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			return flags.run(cmd, std)
		},
	}
	cmd.AddCommand(newCheckInstall(std))
	flags.input.register(cmd)
	flags.cluster.register(cmd)
	flags.plane.register(cmd)
	flags.kind.register(cmd)
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "fail on warnings too")
	cmd.Flags().StringSliceVar(&flags.exclude, "exclude", nil, "leave out Problems of this `CODE`; may be repeated")
	cmd.Flags().StringVarP(&flags.format, "output", "o", "text", "form of the output: `text|json|sarif|github`")
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, std stdio) error {
	codes, err := excluded(cmd, f.exclude)
	if err != nil {
		return err
	}
	if err := f.kind.validate(cmd); err != nil {
		return err
	}
	all, err := f.problems(cmd, std)
	if err != nil {
		return err
	}
	problems := slices.DeleteFunc(all, func(p mesh.Problem) bool {
		return slices.Contains(codes, p.Code) || !f.cluster.prints(p.Object.Namespace)
	})
	text, err := problemformat.Write(f.format, problems)
	if err != nil {
		return usageError{cmd, fmt.Errorf("-o: %w", err)}
	}
	if err := std.print(text); err != nil {
		return err
	}
	return verdict(std, problems, f.strict)
}

// problems returns the Problems of what the flags select.
func (f *checkFlags) problems(cmd *cobra.Command, std stdio) ([]mesh.Problem, error) {
	if f.plane.used() {
		return f.plane.problems(cmd, f)
	}
	world, err := f.cluster.loadOr(cmd, std, &f.input)
	if args := cmd.Flags().Args(); err != nil && len(args) > 0 && errors.Is(err, fs.ErrNotExist) {
		return nil, usageErrorf(cmd, "%w%s", err, didYouMean(args[0], subcommands(cmd)))
	}
	if err != nil {
		return nil, err
	}
	return f.kind.problems(snapshot.New(world)), nil
}

// excluded returns the codes of --exclude.
func excluded(cmd *cobra.Command, names []string) ([]mesh.Code, error) {
	var known []string
	for _, doc := range mesh.Codes() {
		known = append(known, string(doc.Code))
	}
	var codes []mesh.Code
	for _, name := range names {
		if !slices.Contains(known, name) {
			hint := "it is one of " + strings.Join(known, ", ")
			if meant := mesh.Nearest(name, known); meant != "" {
				hint = "did you mean " + meant + "?"
			}
			return nil, usageErrorf(cmd, "--exclude: there is no code %q: %s", name, hint)
		}
		codes = append(codes, mesh.Code(name))
	}
	return codes, nil
}

// verdict prints the numbers of Problems, and returns an error if the command should fail.
func verdict(std stdio, problems []mesh.Problem, strict bool) error {
	count := map[mesh.Severity]int{}
	for _, p := range problems {
		count[p.Severity]++
	}
	std.printErr("%s, %s, %d info\n",
		plural(count[mesh.Error], "error"), plural(count[mesh.Warning], "warning"), count[mesh.Info])
	if count[mesh.Error] > 0 || strict && count[mesh.Warning] > 0 {
		return errFound
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
