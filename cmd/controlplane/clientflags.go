package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	flagClient = "client"
	flagAgent  = "agent"
)

// The help of the variables that a client declares.
const (
	systemRootsHelp = "declare that the client has GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS=true, and uses xDS credentials"
	sniHelp         = "declare that the client has GRPC_EXPERIMENTAL_XDS_SNI=true, and uses xDS credentials"
)

// clientFlags describe a client, for commands that show what a client would be sent.
type clientFlags struct {
	as   string
	zone localityFlag
	node string
	// providers are the client's certificate providers.
	providers []string
	// systemRoots and sni are the variables that the client declares.
	systemRoots, sni bool
	kind             clientKindFlag
	nodeID           string
}

func (f *clientFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.as, "as", "default", "the client's `NAMESPACE[/APP]`; APP is its label app")
	cmd.Flags().Var(&f.zone, "zone", "where the client runs")
	cmd.Flags().StringVar(&f.node, "node", "", "`NAME` of the Kubernetes node the client runs on")
	f.kind.register(cmd)
	cmd.Flags().StringVar(&f.nodeID, "node-id", "", "node `ID` in the client's bootstrap, which selects the client's subset of the endpoints")
	cmd.Flags().StringSliceVar(&f.providers, "certificate-providers", nil, "certificate providers that the client declares: `NAME,...`")
	cmd.Flags().BoolVar(&f.systemRoots, "system-roots", false, systemRootsHelp)
	cmd.Flags().BoolVar(&f.sni, "sni", false, sniHelp)
}

// used returns the name of a flag that describes the client and is set; empty if none is.
func (f *clientFlags) used(cmd *cobra.Command) string {
	for _, name := range []string{"as", "zone", "node", flagClient, flagAgent, "node-id", "certificate-providers", "system-roots", "sni"} {
		if cmd.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

func (f *clientFlags) client(cmd *cobra.Command) (mesh.Client, error) {
	namespace, app, hasApp := strings.Cut(f.as, "/")
	if namespace == "" || hasApp && (app == "" || strings.Contains(app, "/")) {
		return mesh.Client{}, usageErrorf(cmd, "invalid --as %q: it has the form NAMESPACE or NAMESPACE/APP", f.as)
	}
	if err := f.kind.validate(cmd); err != nil {
		return mesh.Client{}, err
	}
	client := mesh.Client{
		Namespace: namespace, Locality: f.zone.Locality, Node: f.node, Providers: mesh.MakeProviders(f.providers...),
		Bucket: snapshot.BucketOf(f.nodeID),
	}
	if f.systemRoots {
		client.Declared |= mesh.FeatureSystemRoots
	}
	if f.sni {
		client.Declared |= mesh.FeatureSNI
	}
	if hasApp {
		client.Labels = mesh.MakeLabels(map[string]string{"app": app})
	}
	if f.kind.version != "" {
		client = snapshot.WithUserAgent(client, f.kind.kind, f.kind.version)
	}
	return client, nil
}
