package main

import (
	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// checkedPlane are running control planes whose Problems are checked.
type checkedPlane struct{ inspectFlags }

func (f *checkedPlane) register(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.addresses, "address", nil, "`HOST:PORT,...` of control planes' --admin-address, whose Problems to check")
	cmd.Flags().StringVar(&f.token, flagAdminToken, "", "`FILE` with the token that the control plane's --admin-address requires")
}

func (f *checkedPlane) used() bool { return len(f.addresses) > 0 }

// problems returns the Problems of all control planes, each once. What a control plane has read is its own: no flag for
// objects applies to it.
func (f *checkedPlane) problems(cmd *cobra.Command, check *checkFlags) ([]mesh.Problem, error) {
	switch {
	case len(check.input.paths) > 0 || check.cluster.used(cmd):
		return nil, usageErrorf(cmd, "--address excludes files, --%s and --%s: check either objects or a running control plane", flagKubeconfig, flagContext)
	case check.input.mesh.used(cmd) != "":
		return nil, usageErrorf(cmd, "--%s has no effect with --address: it is a flag of that control plane", check.input.mesh.used(cmd))
	case cmd.Flags().Changed(flagClient) || cmd.Flags().Changed(flagAgent):
		return nil, usageErrorf(cmd, "--%s has no effect with --address: a running control plane knows its clients", flagClient)
	}
	if err := f.validate(cmd); err != nil {
		return nil, err
	}
	if check.input.namespace.set(cmd) && !check.cluster.allNamespaces {
		if err := check.input.namespace.validate(cmd); err != nil {
			return nil, err
		}
		check.cluster.namespace = string(check.input.namespace)
	}
	all := f.atAddresses(f.addresses)
	all.token = f.token
	bodies, err := all.fetch(cmd.Context(), admin.ListPath(listProblems))
	if err != nil {
		return nil, usageError{cmd, err}
	}
	problems, err := itemsOf[mesh.Problem](all, bodies)
	return mesh.SortProblems(problems), err
}
