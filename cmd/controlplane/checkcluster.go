package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/kube"
)

const (
	flagKubeconfig    = "kubeconfig"
	flagContext       = "context"
	flagAllNamespaces = "all-namespaces"
)

// kubeFlags select a cluster, as kubectl does.
type kubeFlags struct{ kubeconfig, context string }

func (f *kubeFlags) register(cmd *cobra.Command) {
	f.registerFor(cmd, "cluster to check (default as in kubectl)")
}

// registerFor registers the flags for another purpose than to check the cluster.
func (f *kubeFlags) registerFor(cmd *cobra.Command, purpose string) {
	cmd.Flags().StringVar(&f.kubeconfig, flagKubeconfig, "", "kubeconfig `FILE` of the "+purpose)
	cmd.Flags().StringVar(&f.context, flagContext, "", "`NAME` of the context in --kubeconfig (default its current context)")
}

// used reports whether the flags select a cluster.
func (f *kubeFlags) used(cmd *cobra.Command) bool {
	return cmd.Flags().Changed(flagKubeconfig) || cmd.Flags().Changed(flagContext)
}

func (f *kubeFlags) validate(cmd *cobra.Command) error {
	for _, name := range []string{flagKubeconfig, flagContext} {
		// Usually the value is a shell variable that is not set. An empty value would select another cluster.
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return usageErrorf(cmd, "--%s is empty: leave it out, or give it a value", name)
		}
	}
	return nil
}

// checkedCluster is a cluster whose objects are checked, and the namespace whose Problems are printed.
type checkedCluster struct {
	kubeFlags

	// namespace is the only namespace whose Problems are printed; empty for all.
	namespace     string
	allNamespaces bool
}

// register registers the flags. The flag for the namespace of files is also the flag for the namespace of a cluster.
func (f *checkedCluster) register(cmd *cobra.Command) {
	f.kubeFlags.register(cmd)
	cmd.Flags().Lookup(flagNamespace).Usage = "`NAMESPACE` of objects in files that state none; of a cluster, the only one whose Problems are printed (all if not set)"
	cmd.Flags().BoolVarP(&f.allNamespaces, flagAllNamespaces, "A", false, "print the Problems of all namespaces of the cluster, as without --"+flagNamespace+", which it overrides")
}

func (f *checkedCluster) validate(cmd *cobra.Command, input *inputFlags) error {
	switch {
	case f.used(cmd) && len(input.paths) > 0:
		return usageErrorf(cmd, "-f and arguments exclude --%s and --%s: check either files or a cluster", flagKubeconfig, flagContext)
	case !f.used(cmd) && len(input.paths) == 0:
		return usageErrorf(cmd, "-f FILE|DIR is needed, or --%s NAME or --%s FILE: the files to check, or the cluster", flagContext, flagKubeconfig)
	case !f.used(cmd) && f.allNamespaces:
		return usageErrorf(cmd, "--%s is for a cluster: it needs --%s or --%s", flagAllNamespaces, flagContext, flagKubeconfig)
	}
	return errors.Join(f.kubeFlags.validate(cmd), input.namespace.validate(cmd))
}

// loadOr reads the objects of the cluster if the flags select one, and else the objects of the files. An input that
// cannot be read is a usage error.
func (f *checkedCluster) loadOr(cmd *cobra.Command, std stdio, input *inputFlags) (world *mesh.World, err error) {
	if err := f.validate(cmd, input); err != nil {
		return nil, err
	}
	if f.used(cmd) {
		if input.namespace.set(cmd) && !f.allNamespaces {
			f.namespace = string(input.namespace)
		}
		world, err = f.load(cmd, std, &input.mesh)
	} else {
		world, err = input.load(cmd, std)
	}
	if err != nil && !errors.As(err, new(usageError)) {
		err = usageError{cmd, err}
	}
	return world, err
}

// load reads the objects of the cluster once.
func (f *checkedCluster) load(cmd *cobra.Command, std stdio, settings *meshFlags) (*mesh.World, error) {
	if err := settings.validate(cmd); err != nil {
		return nil, err
	}
	config, err := clusterConfig(f.kubeconfig, f.context)
	if err != nil {
		return nil, err
	}
	std.printErr("reading the cluster at %s\n", config.Host)
	options := settings.options()
	feed, err := kube.New(config, options)
	if err != nil {
		return nil, err
	}
	changes, err := feed.List(cmd.Context())
	switch {
	case errors.Is(err, context.Canceled):
		return nil, errors.New("interrupted")
	case err != nil:
		return nil, fmt.Errorf("read the cluster (is its API server reachable, and is this the right --%s?): %w", flagContext, err)
	}
	f.warnIfEmpty(std, changes)
	return watch.Assemble(options, changes), nil
}

// warnIfEmpty prints that the cluster or the namespace has no objects.
func (f *checkedCluster) warnIfEmpty(std stdio, changes watch.Changes) {
	found := map[string]struct{}{}
	for key := range changes.Objects {
		if key.Namespace != "" {
			found[key.Namespace] = struct{}{}
		}
	}
	switch {
	case len(changes.Objects) == 0:
		std.printErr("there are no objects in the cluster\n")
	case f.namespace != "":
		warnIfNoneIn(std, f.namespace, found, "the cluster")
	}
}

// prints reports whether the Problems of objects in the namespace are printed. Those of objects without a namespace are.
func (f *checkedCluster) prints(namespace string) bool {
	return f.namespace == "" || namespace == "" || namespace == f.namespace
}
