package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// clusterFlags select a cluster, as kubectl does.
type clusterFlags struct{ kubeconfig, context string }

func (f *clusterFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kubeconfig, flagKubeconfig, "", "kubeconfig `FILE` of the cluster to check (default as in kubectl)")
	cmd.Flags().StringVar(&f.context, flagContext, "", "`NAME` of the context in --kubeconfig (default its current context)")
}

// used reports whether the flags select a cluster.
func (f *clusterFlags) used(cmd *cobra.Command) bool {
	return cmd.Flags().Changed(flagKubeconfig) || cmd.Flags().Changed(flagContext)
}

func (f *clusterFlags) validate(cmd *cobra.Command) error {
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
	clusterFlags

	namespace     string
	allNamespaces bool
}

func (f *checkedCluster) register(cmd *cobra.Command) {
	f.clusterFlags.register(cmd)
	cmd.Flags().StringVarP(&f.namespace, flagNamespace, "n", "", "print only the Problems of objects in this `NAMESPACE` of the cluster (default all)")
	cmd.Flags().BoolVarP(&f.allNamespaces, flagAllNamespaces, "A", false, "print the Problems of all namespaces of the cluster; this is the default, and overrides --"+flagNamespace)
}

func (f *checkedCluster) validate(cmd *cobra.Command, input *inputFlags) error {
	switch {
	case f.used(cmd) && len(input.paths) > 0:
		return usageErrorf(cmd, "-f excludes --%s and --%s: check either files or a cluster", flagKubeconfig, flagContext)
	case !f.used(cmd) && len(input.paths) == 0:
		return usageErrorf(cmd, "-f FILE|DIR is needed, or --%s NAME or --%s FILE: the files to check, or the cluster", flagContext, flagKubeconfig)
	case !f.used(cmd) && (cmd.Flags().Changed(flagNamespace) || f.allNamespaces):
		return usageErrorf(cmd, "--%s and --%s are for a cluster: they need --%s or --%s", flagNamespace, flagAllNamespaces, flagContext, flagKubeconfig)
	case cmd.Flags().Changed(flagNamespace) && !validNamespace(f.namespace):
		return usageErrorf(cmd, "--%s %q is not a namespace", flagNamespace, f.namespace)
	}
	return f.clusterFlags.validate(cmd)
}

// loadOr reads the objects of the cluster if the flags select one, and else the objects of the files. An input that
// cannot be read is a usage error.
func (f *checkedCluster) loadOr(cmd *cobra.Command, std stdio, input *inputFlags) (world *mesh.World, err error) {
	if err := f.validate(cmd, input); err != nil {
		return nil, err
	}
	if f.used(cmd) {
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

// warnIfEmpty prints that the namespace has no objects: usually its name is misspelled.
func (f *checkedCluster) warnIfEmpty(std stdio, changes watch.Changes) {
	for key := range changes.Objects {
		if f.prints(key.Namespace) {
			return
		}
	}
	where := "the cluster"
	if !f.prints("") {
		where = "namespace " + f.namespace
	}
	std.printErr("there are no objects in %s\n", where)
}

// prints reports whether the Problems of objects in the namespace are printed.
func (f *checkedCluster) prints(namespace string) bool {
	return f.namespace == "" || f.allNamespaces || namespace == f.namespace
}

// filter returns the Problems of objects in the selected namespace, and of objects without a namespace.
func (f *checkedCluster) filter(problems []mesh.Problem) []mesh.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p mesh.Problem) bool {
		return p.Object.Namespace != "" && !f.prints(p.Object.Namespace)
	})
}
