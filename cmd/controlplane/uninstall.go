package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/internal/election"
	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// uninstallFlags define what to remove, and from which cluster.
type uninstallFlags struct {
	conditions, dryRun             bool
	timeout                        time.Duration
	kubeconfig, context, namespace string
}

func newUninstall(std stdio) *cobra.Command {
	var flags uninstallFlags
	cmd := &cobra.Command{
		Use:   "uninstall --conditions",
		Short: "Remove the conditions of Mizzen from all objects of a cluster",
		Long: `Remove the conditions mizzen.dev/Accepted and mizzen.dev/Programmed from every rule of a cluster:
VirtualServices, DestinationRules, AuthorizationPolicies, PeerAuthentications and
RequestAuthentications. GRPCRoutes and HTTPRoutes lose the entries of mizzen.dev/controlplane in
status.parents. Without a control plane no process keeps them true. What other writers have
there stays.

Uninstall the control plane first, as docs/INSTALL.md describes: a running replica would write
the conditions again. If one holds the Lease "mizzen" in --mizzen-namespace, the command waits
until it has ended. It can be repeated, and needs the rights to get that Lease, to list these kinds and to
update their status.

Exit codes: 0 when no condition of Mizzen is left, or with --dry-run; 1 if a replica still runs
after --timeout, an object cannot be written or the cluster cannot be read; 2 if the command line
is invalid.`,
		Example: `  controlplane uninstall --conditions --dry-run
  controlplane uninstall --conditions --context kind-mizzen`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !flags.conditions:
				return usageErrorf(cmd, "--conditions is needed: it is all that this command removes; kubectl or helm removes the rest")
			case flags.timeout < 0:
				return usageErrorf(cmd, "--timeout must not be negative")
			case flags.namespace == "":
				return usageErrorf(cmd, "--%s is empty: name a namespace", flagMizzenNamespace)
			case cmd.Flags().Changed(flagNamespace) && cmd.Flags().Changed(flagMizzenNamespace):
				return usageErrorf(cmd, "--%s is the same as --%s: set only --%[2]s", flagNamespace, flagMizzenNamespace)
			}
			return flags.run(cmd.Context(), std)
		},
	}
	cmd.Flags().BoolVar(&flags.conditions, "conditions", false, "remove conditions; required")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print what would be removed, and write nothing")
	cmd.Flags().DurationVar(&flags.timeout, "timeout", time.Minute, "how long to wait at most until no replica writes conditions")
	cmd.Flags().StringVar(&flags.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of the cluster (default as in kubectl)")
	cmd.Flags().StringVar(&flags.context, "context", "", "`NAME` of the context in --kubeconfig (default its current context)")
	cmd.Flags().StringVar(&flags.namespace, flagMizzenNamespace, defaultNamespace, "`NAMESPACE` that the control plane ran in")
	cmd.Flags().StringVar(&flags.namespace, flagNamespace, defaultNamespace, "the same as --"+flagMizzenNamespace)
	cmd.Flags().Lookup(flagNamespace).Hidden = true // it is not the namespace of the objects
	return cmd
}

func (f *uninstallFlags) run(ctx context.Context, std stdio) error {
	config, err := clusterConfig(f.kubeconfig, f.context)
	if err != nil {
		return err
	}
	config.QPS = -1 // One request follows the other.
	config.Timeout = apiTimeout
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("reach the cluster: %w", err)
	}
	std.printErr("asking the cluster at %s\n", config.Host)
	if !f.dryRun {
		if err := f.awaitEnd(ctx, std, client); err != nil {
			return err
		}
	}
	return f.remove(ctx, std, client)
}

// awaitEnd waits until no replica writes conditions.
func (f *uninstallFlags) awaitEnd(ctx context.Context, std stdio, client dynamic.Interface) error {
	lease, holder := f.namespace+"/"+leaseName, ""
	waited, cancel := context.WithTimeoutCause(ctx, f.timeout, errTimeout)
	defer cancel()
	err := election.AwaitIdle(waited, client, f.namespace, leaseName, func(now string) {
		holder = now
		std.printErr("waiting until replica %s, which holds the Lease %s, has ended\n", now, lease)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; no condition was removed")
	case errors.Is(err, errTimeout) && holder != "":
		return fmt.Errorf("replica %s still holds the Lease %s after %s and would write the conditions again; no condition was removed. "+
			"Uninstall the control plane first, or stop it with --write-status=off", holder, lease, f.timeout)
	case errors.Is(err, errTimeout):
		return fmt.Errorf("whether a replica wants the Lease %s is not known after %s; no condition was removed. Raise --timeout", lease, f.timeout)
	}
	return fmt.Errorf("read the Lease %s: %w", lease, err)
}

// remove removes the conditions, prints each object, and then their number.
func (f *uninstallFlags) remove(ctx context.Context, std stdio, client dynamic.Interface) error {
	done, failed, verb := 0, 0, "removed"
	if f.dryRun {
		verb = "would remove"
	}
	var printed error
	removal := status.Removal{
		Dynamic: client, DryRun: f.dryRun,
		Absent: func(kind string) { std.printErr("the cluster does not serve the kind %s\n", kind) },
		Removed: func(ref mesh.Ref, types []string, err error) {
			if err != nil {
				failed++
				std.printErr("%s: cannot remove its conditions: %v\n", ref, err)
				return
			}
			done++
			printed = errors.Join(printed, std.print(fmt.Appendf(nil, "%s: %s %s\n", ref, verb, strings.Join(types, ", "))))
		},
	}
	seen, err := removal.Run(ctx)
	std.printErr("%s the conditions of %d of %s\n", verb, done, plural(seen, "object"))
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; run the command again for the rest")
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%s kept conditions; run the command again", plural(failed, "object"))
	}
	return printed
}
