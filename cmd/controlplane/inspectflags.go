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

// inspectFlags say which control planes are asked.
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
	flags.StringVar(&f.namespace, "namespace", homeNamespace, "`NAMESPACE` that the control plane runs in")
}

func (f *inspectFlags) validate(cmd *cobra.Command) error {
	if len(f.addresses) > 0 && f.ofCluster(cmd) {
		return usageErrorf(cmd, "--address excludes --kubeconfig, --context and --namespace")
	}
	return nil
}

// ofCluster says whether a cluster is asked for.
func (f *inspectFlags) ofCluster(cmd *cobra.Command) bool {
	return f.kubeconfig != "" || f.context != "" || cmd.Flags().Changed("namespace")
}

// replicas are the control planes to ask. config reaches the cluster that they run in, if they were found by it.
type replicas struct {
	all    []replica
	config *rest.Config
	token  string
}

// reach finds the control planes and calls use with them. Without a flag it is the one of this machine, or else that of the cluster.
func (f *inspectFlags) reach(cmd *cobra.Command, use func(context.Context, replicas) error) error {
	ctx := cmd.Context()
	if len(f.addresses) > 0 {
		return use(ctx, f.at(f.addresses))
	}
	here := f.at([]string{defaultAdminAddress})
	if !f.ofCluster(cmd) && listens(ctx, defaultAdminAddress) {
		return use(ctx, here)
	}
	config, err := clusterConfig(f.kubeconfig, f.context)
	switch {
	case err != nil && !f.ofCluster(cmd):
		return use(ctx, here) // There is neither: say that nobody listens here.
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

// at are the control planes at addresses. One alone needs no name.
func (f *inspectFlags) at(addresses []string) replicas {
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

// listens says whether anybody does at an address of this machine.
func listens(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close() // it was only to see
	return true
}

// fetch asks all of them for a path; answers are in their order.
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
