package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/problemformat"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func newCheck(std stdio) *cobra.Command {
	var (
		input   inputFlags
		cluster checkedCluster
		strict  bool
		format  string
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Print the Problems of objects in files or in a cluster, and fail if there are errors",
		Long: `Print one line for each Problem: severity, code, object, field and message. With -o they
are printed for tools: as a JSON array, as SARIF for code scanning, or as GitHub workflow
commands, which GitHub shows beside the lines of the objects.

  error    is invalid, or makes calls fail
  warning  has no effect, and calls go where they would go with it
  info     is in effect, with a caveat

With --context or --kubeconfig the objects of that cluster are checked: all objects of the kinds
that the control plane reads, of all namespaces. --namespace prints only the Problems of one
namespace; they still depend on the objects of the others. A kind that the cluster does not
serve, or that you may not list, is an error, and the other kinds are checked.

'controlplane check install' checks the installation of Mizzen itself.

The exit code is 1 if there is an error, with --strict also if there is a warning,
2 if the command line is invalid or an input cannot be read, and 0 otherwise.`,
		Example: `  controlplane check -f manifests/demo
  controlplane check --strict -f base -f overlay/virtualservice.yaml
  controlplane check -f . -o github
  controlplane check --context kind-mizzen
  controlplane check --context kind-mizzen -n shop --strict`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			world, err := cluster.loadOr(cmd, std, &input)
			if err != nil {
				return err
			}
			problems := cluster.filter(snapshot.New(world).Problems())
			text, err := problemformat.Write(format, problems)
			if err != nil {
				return usageError{cmd, fmt.Errorf("-o: %w", err)}
			}
			if err := std.print(text); err != nil {
				return err
			}
			return verdict(std, problems, strict)
		},
	}
	cmd.AddCommand(newCheckInstall(std))
	input.register(cmd)
	cluster.register(cmd)
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "form of the output: `text|json|sarif|github`")
	return cmd
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
