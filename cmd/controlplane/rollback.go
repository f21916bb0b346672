package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/history"
)

// rollbackFlags are the flags of rollback.
type rollbackFlags struct {
	plane inspectFlags
	host  string
}

func newRollback(std stdio) *cobra.Command {
	var flags rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback A",
		Short: "Print the objects of a generation, to apply or to commit",
		Long: `Print as YAML the objects of a generation that differ now, as they were then: for 'kubectl apply',
or for a commit if the objects come from Git. Nothing is written. A is an ID as 'history' prints
it, or the beginning of one, or a number, or previous.

Objects that were created since are not in the YAML. Comments in it, and standard error, have the
commands that delete them. Of Namespaces only labels and annotations are configuration: commands
set these, too. When all of that is done, the generation has the ID again.

'kubectl apply' keeps fields that were added by other means than 'kubectl apply'. If 'diff' still
shows differences afterwards, use 'kubectl replace' for these objects.

The control plane is found as 'inspect' finds it. The exit code is 0 if the objects are printed,
also if there are none, and 1 if there is no such generation or no host has the name that --host
gives. It is 2 if the command line makes no sense.`,
		Example: `  controlplane rollback g-3f2a91
  controlplane rollback previous --host cart.shop | kubectl apply -f -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return usageErrorf(cmd, "one generation is needed: an ID, a number or previous; 'controlplane history' lists them")
			case cmd.Flags().Changed("host") && flags.host == "":
				return usageErrorf(cmd, "--host is empty: name a host")
			}
			if err := flags.plane.validate(cmd); err != nil {
				return err
			}
			return flags.run(cmd, std, args[0])
		},
	}
	flags.plane.register(cmd.Flags())
	cmd.Flags().StringVar(&flags.host, "host", "", "print only the objects that name this `HOST`, such as cart or cart.shop")
	return cmd
}

func (f *rollbackFlags) run(cmd *cobra.Command, std stdio, to string) error {
	query := url.Values{"from": {"current"}, "to": {to}}
	if f.host != "" {
		query.Set("host", f.host)
	}
	var found *history.Comparison
	err := f.plane.withReplicas(cmd, std, func(ctx context.Context, all replicas) (err error) {
		found, err = compare(ctx, all, query)
		return err
	})
	if err != nil {
		return err
	}
	plan := found.Rollback()
	for _, line := range plan.Notes {
		std.printErr("%s\n", strings.Map(visible, line))
	}
	return std.print([]byte(plan.YAML()))
}
