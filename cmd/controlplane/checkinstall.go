package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/internal/installation"
)

// installFlags define which installation is checked, and how the result is printed.
type installFlags struct {
	cluster   kubeFlags
	namespace string
	strict    bool
	output    string
}

func newCheckInstall(std stdio) *cobra.Command {
	var flags installFlags
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Check the installation of Mizzen in a cluster",
		Long: `Check what Mizzen consists of in a cluster, and print one line for each check: OK, WARN or FAIL,
the name of the check, what was found, and what to do.

  api-server           answers, and its version can inject pods
  definitions          the CRDs of Istio and of the Gateway API are served in the version that is read
  deployment           exists in --mizzen-namespace
  replicas             are ready
  versions             of the replicas and of this binary are the same
  rights               of the control plane's ServiceAccount
  lease                is renewed by a replica
  disruption-budget    protects the replicas
  injection-policy     exists and is bound
  injected-namespaces  have the label
  bootstrap            is valid and leads to a port of a Service
  java-agent           can get into pods
  identity             pods of labeled namespaces get certificates, on every node
  certificate          is valid, and clients can verify it
  endpoints            of the ports that clients dial are ready
  network              policies let injected pods reach these ports

Nothing is written, except that the API server is asked what the ServiceAccount may do. What your
account may not read is a WARN that names the right; the other checks go on.

The exit code is 1 if a check fails, with --strict also if there is a WARN, 2 if the command line
is invalid or the cluster cannot be found, and 0 otherwise.`,
		Example: `  controlplane check install
  controlplane check install --context kind-mizzen -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case flags.output != outputText && flags.output != outputJSON:
				return usageErrorf(cmd, "unknown output %q: it is one of text, json", flags.output)
			case !validNamespace(flags.namespace):
				return usageErrorf(cmd, "--%s %q is not a namespace", flagMizzenNamespace, flags.namespace)
			}
			if err := flags.cluster.validate(cmd); err != nil {
				return err
			}
			config, err := clusterConfig(flags.cluster.kubeconfig, flags.cluster.context)
			if err != nil {
				return usageError{cmd, err}
			}
			return flags.run(cmd.Context(), std, config)
		},
	}
	flags.cluster.register(cmd)
	cmd.Flags().StringVar(&flags.namespace, flagMizzenNamespace, defaultNamespace, "`NAMESPACE` that the control plane runs in")
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "fail on warnings too")
	cmd.Flags().StringVarP(&flags.output, "output", "o", outputText, "form of the output: `text|json`")
	return cmd
}

func (f *installFlags) run(ctx context.Context, std stdio, config *rest.Config) error {
	config.QPS = -1 // One request follows the other.
	config.Timeout = apiTimeout
	client, err := pathClient(config)
	if err != nil {
		return err
	}
	std.printErr("checking the installation in namespace %s of the cluster at %s\n", f.namespace, config.Host)
	findings, count := []installation.Finding{}, map[installation.Status]int{}
	var printed error
	installation.Check(ctx, installation.Options{
		API: pathAPI{client}, Namespace: f.namespace, Version: withoutGo(ownBuild().String()), Now: time.Now(),
		Replicas: func(ctx context.Context) ([]installation.Replica, error) { return f.replicas(ctx, config) },
	}, func(one installation.Finding) {
		findings = append(findings, one)
		count[one.Status]++
		if f.output == outputText {
			line := fmt.Sprintf("%-4s  %-19s  %s %s", one.Status, one.Check, one.Found, one.Do)
			printed = errors.Join(printed, std.print([]byte(strings.TrimRight(line, " ")+"\n")))
		}
	})
	if ctx.Err() != nil {
		return errors.New("interrupted; not everything was checked")
	}
	if f.output == outputJSON {
		text, err := json.MarshalIndent(findings, "", "  ")
		if err != nil {
			return err
		}
		printed = std.print(append(text, '\n'))
	}
	std.printErr("%d failed, %s, %d OK\n", count[installation.Fail], plural(count[installation.Warn], "warning"), count[installation.OK])
	if printed == nil && (count[installation.Fail] > 0 || f.strict && count[installation.Warn] > 0) {
		return errFound
	}
	return printed
}

// replicas asks the replicas for their versions, as the command version does.
func (f *installFlags) replicas(ctx context.Context, config *rest.Config) (all []installation.Replica, err error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	found, err := forwardAll(ctx, group, config, f.namespace, nil)
	if err == nil {
		var versions []replicaVersion
		versions, err = replicas{all: found}.versions(ctx, stdio{err: io.Discard})
		for _, v := range versions {
			all = append(all, installation.Replica{Name: v.Replica, Version: cmp.Or(withoutGo(v.Version), v.Version)})
		}
	}
	cancel()
	_ = group.Wait() // a forwarding that fails is why a replica does not answer
	return all, err
}

// pathAPI sends requests by their path.
type pathAPI struct{ client *rest.RESTClient }

// Get implements installation.API.
func (a pathAPI) Get(ctx context.Context, uri string) ([]byte, error) {
	return a.client.Get().RequestURI(uri).DoRaw(ctx)
}

// Create implements installation.API.
func (a pathAPI) Create(ctx context.Context, uri string, object []byte) ([]byte, error) {
	return a.client.Post().RequestURI(uri).SetHeader("Content-Type", "application/json").Body(object).DoRaw(ctx)
}
