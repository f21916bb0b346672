package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// inspectFlags define which control planes are inspected.
type inspectFlags struct {
	addresses                      []string
	token                          string
	kubeconfig, context, namespace string
}

func (f *inspectFlags) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringSliceVar(&f.addresses, "address", nil, "`HOST:PORT,...` of control planes' --admin-address (default "+defaultAdminAddress+", if it answers)")
	flags.StringVar(&f.token, flagAdminToken, "", "`FILE` with the token that the control plane's --admin-address requires")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of the cluster whose replicas to ask (default as in kubectl)")
	flags.StringVar(&f.context, "context", "", "`NAME` of the context in --kubeconfig (default its current context)")
	flags.StringVar(&f.namespace, "namespace", defaultNamespace, "`NAMESPACE` that the control plane runs in")
}

func (f *inspectFlags) validate(cmd *cobra.Command) error {
	if len(f.addresses) > 0 && f.usesCluster(cmd) {
		return usageErrorf(cmd, "--address excludes --kubeconfig, --context and --namespace")
	}
	return nil
}

// usesCluster reports whether a flag selects a cluster.
func (f *inspectFlags) usesCluster(cmd *cobra.Command) bool {
	return f.kubeconfig != "" || f.context != "" || cmd.Flags().Changed("namespace")
}

// replicas are the control planes to request. config is for the cluster in which they were found; nil if they were
// named by address.
type replicas struct {
	all    []replica
	config *rest.Config
	token  string
}

// withReplicas finds the control planes and calls use with them. Without a flag that is the one on this machine, or
// else those in the cluster.
func (f *inspectFlags) withReplicas(cmd *cobra.Command, use func(context.Context, replicas) error) error {
	ctx := cmd.Context()
	if len(f.addresses) > 0 {
		return use(ctx, f.atAddresses(f.addresses))
	}
	here := f.atAddresses([]string{defaultAdminAddress})
	if !f.usesCluster(cmd) && listens(ctx, defaultAdminAddress) {
		return use(ctx, here)
	}
	config, err := clusterConfig(f.kubeconfig, f.context)
	switch {
	case err != nil && !f.usesCluster(cmd):
		return use(ctx, here) // There is neither: the error is that nothing listens here.
	case err != nil:
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	all, err := forwardAll(ctx, group, config, f.namespace)
	if err == nil {
		err = use(ctx, replicas{all: all, config: config, token: f.token})
	}
	stop()
	return errors.Join(err, group.Wait())
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
	bodies := make([][]byte, len(r.all))
	group, ctx := errgroup.WithContext(ctx)
	for i, one := range r.all {
		group.Go(func() (err error) {
			bodies[i], err = fetch(ctx, one.address, r.token, path)
			if err != nil && one.name != "" {
				err = fmt.Errorf("replica %s: %w", one.name, err)
			}
			return err
		})
	}
	return bodies, group.Wait()
}
