package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/peers"
)

// flagMizzenNamespace is the namespace of the control plane. In inspect, flagNamespace is its older name.
const flagMizzenNamespace = "mizzen-namespace"

// inspectFlags define which control planes are asked.
type inspectFlags struct {
	addresses                      []string
	token                          string
	kubeconfig, context, namespace string
	// older is the flag with the older name of --mizzen-namespace; nil if the command has none.
	older *pflag.Flag
	// only is the replica that is asked; nil for all.
	only *choice
}

func (f *inspectFlags) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.addresses, "address", nil, "`HOST:PORT,...` of control planes' --admin-address (default "+defaultAdminAddress+", if it answers)")
	flags.StringVar(&f.token, flagAdminToken, "", "`FILE` with the token that the control plane's --admin-address requires")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of the cluster whose replicas to ask (default as in kubectl)")
	flags.StringVar(&f.context, "context", "", "`NAME` of the context in --kubeconfig (default its current context)")
	flags.StringVar(&f.namespace, flagMizzenNamespace, defaultNamespace, "`NAMESPACE` that the control plane runs in")
}

// registerOlder registers the older name of --mizzen-namespace.
func (f *inspectFlags) registerOlder(flags *pflag.FlagSet) {
	flags.StringVar(&f.namespace, flagNamespace, defaultNamespace, "the same as --"+flagMizzenNamespace)
	f.older = flags.Lookup(flagNamespace)
	f.older.Hidden = true
}

func (f *inspectFlags) validate(cmd *cobra.Command) error {
	if len(f.addresses) > 0 && f.usesCluster(cmd) {
		return usageErrorf(cmd, "--address excludes --kubeconfig, --context and --%s", flagMizzenNamespace)
	}
	if f.older != nil && f.older.Changed && cmd.Flags().Changed(flagMizzenNamespace) {
		return usageErrorf(cmd, "--%s is the older name of --%s: set only --%[2]s", flagNamespace, flagMizzenNamespace)
	}
	for _, address := range f.addresses {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return usageErrorf(cmd, "--address is HOST:PORT, not %q", address)
		}
	}
	return nil
}

// usesCluster reports whether a flag selects a cluster.
func (f *inspectFlags) usesCluster(cmd *cobra.Command) bool {
	return f.kubeconfig != "" || f.context != "" || f.older != nil && f.older.Changed || cmd.Flags().Changed(flagMizzenNamespace)
}

// used reports whether a flag selects a control plane.
func (f *inspectFlags) used(cmd *cobra.Command) bool {
	return len(f.addresses) > 0 || f.usesCluster(cmd)
}

// replicas are the control planes to request. config is for the cluster in which they were found; nil if they were
// named by address.
type replicas struct {
	all    []replica
	config *rest.Config
	token  string
	// home is the namespace that the replicas run in; empty if there is no cluster.
	home string
	// namespace is the namespace that objects without one are in, as in kubectl; empty if there is no cluster.
	namespace string
}

// withReplicas finds the control planes, prints on standard error which these are, and calls use with them. Without a
// flag that is the one on this machine, or else those in the cluster.
func (f *inspectFlags) withReplicas(cmd *cobra.Command, std stdio, use func(context.Context, replicas) error) error {
	ctx := cmd.Context()
	if len(f.addresses) > 0 {
		std.printErr("asking %s\n", strings.Join(f.addresses, ", "))
		return use(ctx, f.atAddresses(f.addresses))
	}
	here := f.atAddresses([]string{defaultAdminAddress})
	if !f.usesCluster(cmd) && listens(ctx, defaultAdminAddress) {
		std.printErr("asking %s on this machine; --context or --%s asks a cluster\n", defaultAdminAddress, flagMizzenNamespace)
		return use(ctx, here)
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context})
	config, err := loader.ClientConfig()
	switch {
	case err != nil && !f.usesCluster(cmd):
		return use(ctx, here) // There is neither: the error is that nothing listens here.
	case err != nil:
		return f.meantNamespace(cmd, noCluster(err, rules, f.context))
	}
	withoutWebPages(config)
	namespace, _, err := loader.Namespace()
	if err != nil {
		return fmt.Errorf("find the namespace of the context: %w", err)
	}
	std.printErr("asking the control plane in namespace %s of the cluster at %s\n", f.namespace, config.Host)
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	all, err := forwardAll(ctx, group, config, f.namespace, f.only)
	err = f.meantNamespace(cmd, err)
	if err == nil {
		err = use(ctx, replicas{all: all, config: config, token: f.token, home: f.namespace, namespace: namespace})
	}
	stop()
	return errors.Join(err, group.Wait())
}

// meantNamespace adds to an error what the older name of --mizzen-namespace is, for which kubectl's users write what -n is.
func (f *inspectFlags) meantNamespace(cmd *cobra.Command, err error) error {
	if err == nil || f.older == nil || !f.older.Changed || cmd.Flags().Lookup("for-namespace") == nil {
		return err
	}
	return fmt.Errorf("%w; --%s names the namespace in which Mizzen runs: write -n %s to show only what belongs to that namespace", err, flagNamespace, f.namespace)
}

// atAddresses returns the control planes at addresses. A single one needs no name.
func (f *inspectFlags) atAddresses(addresses []string) replicas {
	found := replicas{token: f.token}
	for _, address := range addresses {
		r := replica{address: address}
		if len(addresses) > 1 {
			r.name = address
		}
		found.all = append(found.all, r)
	}
	return found
}

// listens reports whether a server listens on an address.
func listens(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close() // only the attempt matters
	return true
}

// fetch reads a path of all replicas. The answers are in the order of the replicas.
func (r replicas) fetch(ctx context.Context, path string) ([][]byte, error) {
	bodies, failures := r.try(ctx, path)
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

// try reads a path of all replicas. The answers and the errors are in the order of the replicas.
func (r replicas) try(ctx context.Context, path string) ([][]byte, []error) {
	bodies, failures := make([][]byte, len(r.all)), make([]error, len(r.all))
	var group errgroup.Group
	for i, one := range r.all {
		group.Go(func() error {
			err := one.err
			if err == nil {
				bodies[i], err = fetch(ctx, one.address, r.token, path)
			}
			if err != nil && one.name != "" {
				err = fmt.Errorf("replica %s: %w", one.name, err)
			}
			failures[i] = err
			return nil
		})
	}
	_ = group.Wait() // every failure is in failures
	return bodies, failures
}

// errNotAll ends a command that has printed what some replicas answered, and why the others did not.
var errNotAll = fmt.Errorf("not every replica answered: %w", errFound)

// pathOf returns the path of a list, which a replica answers for itself alone if there are several.
func (r replicas) pathOf(list listKind) string {
	path := admin.ListPath(list.path)
	if list.path == listEdges && len(r.all) > 1 {
		path += "?" + peers.Own
	}
	return path
}

// fetchAnswered reads a path of all replicas, and returns those that answered and their answers. It prints why the others
// did not; then last is errNotAll, for the caller to return when it is done. It fails if none answered.
func (r replicas) fetchAnswered(ctx context.Context, std stdio, path string) (answered replicas, bodies [][]byte, last, err error) {
	all, failures := r.try(ctx, path)
	answered = r
	answered.all = nil
	for i, failure := range failures {
		if failure == nil {
			answered.all, bodies = append(answered.all, r.all[i]), append(bodies, all[i])
		}
	}
	if len(bodies) == 0 {
		return answered, nil, nil, errors.Join(failures...)
	}
	for _, failure := range failures {
		if failure != nil {
			std.printErr("%v\n", failure)
			last = errNotAll
		}
	}
	return answered, bodies, last, nil
}
