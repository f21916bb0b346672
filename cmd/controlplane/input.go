package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// The two names of the flag that names objects: serve documents the first, and the other commands the second. Each
// command accepts both.
const (
	flagFiles    = "files"
	flagFilename = "filename"
)

// sameFlag makes another name of a flag.
func sameFlag(cmd *cobra.Command, other, name string) {
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, given string) pflag.NormalizedName {
		if given == other {
			given = name
		}
		return pflag.NormalizedName(given)
	})
}

// stdinPath is the value of -f that means standard input.
const stdinPath = "-"

// meshFlags define how names in the mesh are completed, and the defaults of settings. Every command that reads
// objects has them.
type meshFlags struct {
	domain, rootNamespace string
	trustDomain           string
	trustAliases          []string
	retries               retriesFlag
	loadReports           loadReportsFlag
	endpointLabels        []string
	probeSources          []string
}

func (f *meshFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.domain, "cluster-domain", "cluster.local", "DNS `DOMAIN` of the cluster")
	cmd.Flags().StringVar(&f.rootNamespace, "root-namespace", "istio-system",
		"`NAMESPACE` whose DestinationRules and security objects apply to the whole mesh")
	cmd.Flags().StringVar(&f.trustDomain, "trust-domain", mesh.DefaultTrustDomain,
		"trust `DOMAIN` of the mesh's identities, by which clients verify servers with ISTIO_MUTUAL")
	cmd.Flags().StringSliceVar(&f.trustAliases, "trust-domain-aliases", nil,
		"other trust domains, such as in other clusters, whose identities clients, AuthorizationPolicies and the control plane treat as the mesh's own: `DOMAIN,...`")
	cmd.Flags().Var(&f.retries, "default-retries", "default for routes without retries: Istio's policy, or none")
	cmd.Flags().Var(&f.loadReports, "load-reports",
		"about which hosts clients report how their calls end: none, those of annotations and of limits that clients need reports for, or all")
	cmd.Flags().StringSliceVar(&f.endpointLabels, "endpoint-labels", []string{"lane", "version"},
		"labels of pods that HTTP clients are sent with endpoints: `KEY,...`")
	cmd.Flags().StringSliceVar(&f.probeSources, "probe-sources", nil,
		"addresses from which kubelets probe pods, in addition to the addresses of Nodes: `IP,...`; a server with mTLS answers health checks from them in plaintext")
}

// used returns the name of a flag that is set; empty if none is.
func (*meshFlags) used(cmd *cobra.Command) string {
	for _, name := range []string{"cluster-domain", "root-namespace", "trust-domain", "trust-domain-aliases", "default-retries", "load-reports", "endpoint-labels", "probe-sources"} {
		if cmd.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// validate rejects a domain that no name can have, and a trust domain that no certificate can have.
func (f *meshFlags) validate(cmd *cobra.Command) error {
	if len(validation.IsDNS1123Subdomain(f.domain)) > 0 {
		return usageErrorf(cmd, "--cluster-domain %q is not a domain: write one such as cluster.local, in lower case and without a dot at its end", f.domain)
	}
	if err := checkTrustDomain(cmd, f.trustDomain); err != nil {
		return err
	}
	for _, alias := range f.trustAliases {
		switch {
		case !isTrustDomain(alias):
			return usageErrorf(cmd, "--trust-domain-aliases: %q is not a trust domain: write the part between spiffe:// and the next slash, such as old.example.com", alias)
		case alias == f.trustDomain:
			return usageErrorf(cmd, "--trust-domain-aliases: %q is the trust domain itself: leave it out", alias)
		}
	}
	for _, address := range f.probeSources {
		if ip, err := netip.ParseAddr(address); err != nil || ip.Zone() != "" || ip.IsUnspecified() {
			return usageErrorf(cmd, "--probe-sources: %q is not the address of a machine: write single IP addresses, such as 192.0.2.7, and no ranges", address)
		}
	}
	for _, key := range f.endpointLabels {
		if errs := validation.IsQualifiedName(key); len(errs) > 0 && key != "" {
			return usageErrorf(cmd, "--endpoint-labels: %q is not the key of a label: %s", key, errs[0])
		}
	}
	return nil
}

// defaults returns the defaults of a World.
func (f *meshFlags) defaults() mesh.Defaults {
	aliases := slices.Compact(slices.Sorted(slices.Values(f.trustAliases)))
	return mesh.Defaults{
		NoRetries: f.retries.off, LoadReports: f.loadReports.mode, TrustDomain: f.trustDomain, TrustDomainAliases: strings.Join(aliases, ","),
		EndpointLabels: mesh.MakeLabelKeys(f.endpointLabels...), ProbeSources: mesh.MakeAddresses(f.probeSources...),
	}
}

// options returns the options of a source that is read once.
func (f *meshFlags) options() watch.Options {
	return watch.Options{Domain: f.domain, RootNamespace: f.rootNamespace, Defaults: f.defaults(), Pods: true}
}

// namespaceFlag is the namespace of objects in files that state none.
type namespaceFlag string

const flagNamespace = "namespace"

func (f *namespaceFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP((*string)(f), flagNamespace, "n", metav1.NamespaceDefault, "`NAMESPACE` of objects in files that state none")
}

// set reports whether the command line has the flag.
func (f *namespaceFlag) set(cmd *cobra.Command) bool { return cmd.Flags().Changed(flagNamespace) }

func (f *namespaceFlag) validate(cmd *cobra.Command) error {
	if !validNamespace(string(*f)) {
		return usageErrorf(cmd, "--%s %q is not a namespace: write lower-case letters, digits and hyphens", flagNamespace, string(*f))
	}
	return nil
}

// inputFlags name the objects of a command that reads objects once.
type inputFlags struct {
	paths     []string
	namespace namespaceFlag
	mesh      meshFlags
}

func (f *inputFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.paths, flagFilename, "f", nil,
		"`FILE|DIR` with objects, '-' for standard input; may be repeated. An argument is the same")
	sameFlag(cmd, flagFiles, flagFilename)
	f.namespace.register(cmd)
	f.mesh.register(cmd)
}

// load reads the objects. Content that cannot be parsed becomes a Problem of the World; a path that does not exist is
// an error.
func (f *inputFlags) load(cmd *cobra.Command, std stdio) (world *mesh.World, err error) {
	if len(f.paths) == 0 {
		return nil, usageErrorf(cmd, "-f FILE|DIR is needed: the objects to read")
	}
	if slices.Contains(f.paths, "") {
		// Usually the value is a shell variable that is not set. An empty value would select the working directory.
		return nil, usageErrorf(cmd, "-f is empty: name a file or folder")
	}
	if err := errors.Join(f.namespace.validate(cmd), f.mesh.validate(cmd)); err != nil {
		return nil, err
	}
	options := f.mesh.options()
	options.Namespace = string(f.namespace)
	i := slices.Index(f.paths, stdinPath)
	if i < 0 {
		if world, err = files.Load(options, f.paths...); err == nil {
			f.warnIfEmpty(cmd, std, world)
		}
		return world, err
	}
	dir, err := os.MkdirTemp("", "mizzen-stdin-")
	if err != nil {
		return nil, fmt.Errorf("keep standard input: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	paths := slices.Clone(f.paths)
	paths[i] = filepath.Join(dir, "stdin.yaml")
	if err := save(paths[i], std.in); err != nil {
		return nil, fmt.Errorf("keep standard input: %w", err)
	}
	if world, err = files.Load(options, paths...); err != nil {
		return nil, err
	}
	f.warnIfEmpty(cmd, std, world)
	return renameSource(world, paths[i], "stdin"), nil
}

// warnIfEmpty prints that there are no objects, or none in the namespace of the flag, which then has no effect.
func (f *inputFlags) warnIfEmpty(cmd *cobra.Command, std stdio, world *mesh.World) {
	found := map[string]struct{}{}
	for ref := range world.Sources {
		if ref.Namespace != "" {
			found[ref.Namespace] = struct{}{}
		}
	}
	paths := slices.Clone(f.paths)
	if i := slices.Index(paths, stdinPath); i >= 0 {
		paths[i] = "standard input"
	}
	where := strings.Join(paths, ", ")
	switch {
	case len(world.Sources)+len(world.Problems) == 0:
		std.printErr("there are no objects in %s\n", where)
	case f.namespace.set(cmd) && len(found) > 0:
		warnIfNoneIn(std, string(f.namespace), found, where)
	}
}

// maxNamespaces is how many namespaces a warning names.
const maxNamespaces = 20

// warnIfNoneIn prints that a namespace has no objects, and which namespaces have some. Usually its name is misspelled.
func warnIfNoneIn(std stdio, namespace string, found map[string]struct{}, where string) {
	if _, ok := found[namespace]; ok {
		return
	}
	names := slices.Sorted(maps.Keys(found))
	if more := len(names) - maxNamespaces; more > 0 {
		names = append(names[:maxNamespaces], fmt.Sprintf("%d others", more))
	}
	std.printErr("no object in %s is in namespace %s; there are objects in: %s\n", where, namespace, cmp.Or(strings.Join(names, ", "), "none"))
}

func save(path string, from io.Reader) error {
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// renameSource returns the World with another name for a file, because the name of a temporary file tells the reader
// nothing.
func renameSource(world *mesh.World, path, name string) *mesh.World {
	named := *world
	named.Problems = slices.Clone(world.Problems)
	for i := range named.Problems {
		p := &named.Problems[i]
		p.Source = strings.Replace(p.Source, path, name, 1)
		p.Object.Name = strings.Replace(p.Object.Name, path, name, 1)
		p.Message = strings.Replace(p.Message, path, name, 1)
	}
	named.Sources = make(map[mesh.Ref]*mesh.Source, len(world.Sources))
	for ref, source := range world.Sources {
		renamed := *source
		renamed.File = strings.Replace(source.File, path, name, 1)
		named.Sources[ref] = &renamed
	}
	return &named
}
