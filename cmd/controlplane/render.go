package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// renderFlags are the flags of render, before they are parsed.
type renderFlags struct {
	input  inputFlags
	client clientFlags
	types  []string
	names  []string
	output string
	// explain also prints origins.
	explain bool
}

func newRender(std stdio) *cobra.Command {
	var flags renderFlags
	cmd := &cobra.Command{
		Use:   "render [FILE|DIR]...",
		Short: "Print what a client would be sent",
		Long: `Print the Problems of YAML objects, and the xDS resources that a client would be sent. No
cluster and no running control plane are needed. Objects of a cluster come from kubectl: name the
kinds that the rules need, of those that the cluster has.

Problems do not make the command fail; 'controlplane check' is for that. The exit code is 1 if an
input cannot be read, 2 if the command line is invalid, and 0 otherwise.`,
		Example: `  controlplane render -f manifests/demo
  controlplane render -f manifests/demo --type rds --explain
  controlplane render -f manifests/demo --as demo/checkout --name greeter:50051 -o json
  kubectl get svc,endpointslices,pods,grpcroutes -A -o yaml | controlplane render -f -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.input.paths = append(flags.input.paths, args...)
			return runRender(cmd, std, &flags)
		},
	}
	flags.input.register(cmd)
	flags.client.register(cmd)
	cmd.Flags().StringSliceVar(&flags.types, "type", nil, "show only these types: `"+typeNames("|")+"`")
	cmd.Flags().StringArrayVar(&flags.names, "name", nil,
		"show only the resource of this `NAME`, as the client would request it; may be repeated")
	cmd.Flags().BoolVar(&flags.explain, "explain", false,
		"print beside each resource and its parts the object and field that they come from, with file and line")
	cmd.Flags().StringVarP(&flags.output, "output", "o", "yaml", "form of the output: `yaml|json`")
	return cmd
}

func runRender(cmd *cobra.Command, std stdio, flags *renderFlags) error {
	options, err := flags.options(cmd)
	if err != nil {
		return err
	}
	world, err := flags.input.load(cmd, std)
	if err != nil {
		return err
	}
	options.Client = world.AtNode(options.Client)
	out, err := render.Snapshot(snapshot.New(world), options)
	if err != nil {
		return err
	}
	for _, name := range out.Unknown {
		std.printErr("%q is not known to the mesh for a client in namespace %s. 'controlplane explain --to %s' says why.\n", name, options.Client.Namespace, name)
	}
	format := out.YAML
	if flags.output == "json" {
		format = out.JSON
	}
	text, err := format()
	if err != nil {
		return err
	}
	return std.print(text)
}

func (f *renderFlags) options(cmd *cobra.Command) (render.Options, error) {
	if f.output != "yaml" && f.output != "json" {
		return render.Options{}, usageErrorf(cmd, "unknown output %q: it is one of yaml, json", f.output)
	}
	client, err := f.client.client(cmd)
	if err != nil {
		return render.Options{}, err
	}
	options := render.Options{Client: client, Names: f.names, Explain: f.explain}
	for _, name := range f.types {
		t, ok := snapshot.TypeByShortName(name)
		if !ok {
			return render.Options{}, usageErrorf(cmd, "unknown type %q: it is one of %s", name, typeNames(", "))
		}
		options.Types = append(options.Types, t)
	}
	return options, nil
}

// typeNames lists the types as users write them.
func typeNames(separator string) string {
	names := make([]string, len(render.Types))
	for i, t := range render.Types {
		names[i] = t.ShortName()
	}
	return strings.Join(names, separator)
}
