package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

const bootstrapHelp = `Print the bootstrap JSON that tells a gRPC library the address of its control plane and its
own identity. Set GRPC_XDS_BOOTSTRAP_CONFIG to it, or write it to a file and set
GRPC_XDS_BOOTSTRAP to the name of the file.

The Java agent, which makes Spring Cloud applications clients of the mesh, reads the same file
from the same variables, so that one bootstrap serves both in one process. The agent sends the
token whenever it connects over TLS, and uses no certificate providers.

With --certificates the client declares that its application uses xDS credentials, so that its
calls are encrypted if a DestinationRule or the servers require it. An application without xDS
credentials would send them in plain text.

With --system-roots and --sni the client declares that a variable is true in its environment,
and also that its application uses xDS credentials. Set the variables where you set the
bootstrap: neither the control plane nor this command sees them. A client needs the first to
verify servers outside of the mesh by the authorities that its machine trusts, and the second to
tell a server which of its certificates to present.

A bootstrap with --certificates also contains the template by which an xDS server asks for its
listener. With --server a bootstrap without certificates does, too: such a server serves in
plain text.

With --server-uri given several times, clients in Go, Java and C++ that support it fall back to the
next control plane while they cannot reach the first and lack a resource, and return to it. Other
clients use the first alone. All of them must serve the same names, and are connected to alike.

With --tls-ca the client connects to the control plane over TLS. There it can prove its
identity by a service account token or a certificate. The bootstrap then has no namespace
unless --namespace is set. gRPC sends the token only if the variable
GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS=true is also set.

The exit code is 2 if the command line is invalid, and 1 after another failure.

With --for envoy the bootstrap is for an Envoy proxy, which gets clusters, endpoints and the
routes that its listeners name. Its listeners are yours: add them with --config-yaml of Envoy.
With --certificates it declares a certificate, which Envoy reads as secrets from two files in
/etc/mizzen/sds: --envoy-secret prints them. docs/clients/envoy.md has an example.
With --envoy-egress it also has a listener on loopback, by which applications that do not know the
mesh call it: with http_proxy=http://ADDRESS:PORT, or with the host of the call as the header Host.

With --for rust the bootstrap is for gRPC for Rust (tonic-xds), which takes a URL where the other
gRPC libraries take a target: http://HOST:PORT, or https://HOST:PORT with --tls-ca, for which the
application is built with the feature tls-ring or tls-aws-lc of the crate.

The bootstrap names files by absolute paths: a relative path in a flag is relative to the working
directory of this command. For a client on another machine, write the paths that it has there.`

func newBootstrap(std stdio) *cobra.Command {
	var (
		options      bootstrap.Options
		servers      []string
		zone         localityFlag
		certificates certificateFlags
		connection   connectionFlags
		client       targetFlags
	)
	cmd := &cobra.Command{
		Use:   "bootstrap",
		Short: "Print the bootstrap JSON for a gRPC client, the Java agent or Envoy",
		Long:  bootstrapHelp,
		Example: `  export GRPC_XDS_BOOTSTRAP_CONFIG="$(controlplane bootstrap --namespace demo)"
  controlplane bootstrap --server-uri mizzen.mizzen-system.svc:15010 --namespace shop \
    --labels app=checkout,version=v2 --zone eu/eu-1 > /etc/grpc/bootstrap.json
  controlplane bootstrap --namespace shop --certificates /var/run/secrets/mesh \
    --authorities system=/etc/ssl/certs/ca-certificates.crt
  export GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS=true GRPC_EXPERIMENTAL_XDS_SNI=true
  export GRPC_XDS_BOOTSTRAP_CONFIG="$(controlplane bootstrap --namespace shop --system-roots --sni)"
  controlplane bootstrap --server-uri mizzen.mizzen-system.svc:15012 --tls-ca /mizzen/ca.crt --token /mizzen/token
  controlplane bootstrap --for envoy --namespace shop --envoy-egress 127.0.0.1:15001 > bootstrap.json
  controlplane bootstrap --for envoy --certificates /var/run/secrets/mesh --envoy-secret default-authorities \
    > /etc/mizzen/sds/default-authorities.json
  GRPC_XDS_BOOTSTRAP=/etc/grpc/bootstrap.json java -javaagent:/opt/mizzen/mizzen-agent.jar -jar app.jar`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, uri := range servers {
				if err := bootstrap.CheckTarget(uri); err != nil {
					return usageErrorf(cmd, "--server-uri %w", err)
				}
			}
			if options.Locality = zone.Locality; len(servers) > 0 {
				options.ServerURI, options.Fallbacks = servers[0], servers[1:]
			}
			hostname, err := os.Hostname()
			if err != nil && options.NodeID == "" {
				return fmt.Errorf("find a node ID for the client (set one with --node-id): %w", err)
			}
			options.Hostname = hostname
			if options.Certificates, err = certificates.providers(cmd, std); err != nil {
				return err
			}
			if options.Connection, err = connection.connection(cmd, std, &certificates); err != nil {
				return err
			}
			if !cmd.Flags().Changed("namespace") {
				options.Namespace = "" // the proved namespace, or else the default
			}
			return client.print(cmd, std, options)
		},
	}
	cmd.Flags().StringArrayVar(&servers, "server-uri", nil,
		"`HOST:PORT` of the control plane, or any gRPC target. Given again, control planes to fall back to (default "+bootstrap.DefaultServerURI+", with --tls-ca "+bootstrap.DefaultTLSServerURI+")")
	registerNode(cmd, &options, &zone)
	certificates.register(cmd)
	connection.register(cmd)
	client.register(cmd)
	return cmd
}

// targetFlags say for which client the bootstrap is.
type targetFlags struct {
	client, secret string
	bootstrap.EnvoyOptions
}

// bootstrapClients are the values of --for.
var bootstrapClients = []struct {
	name string
	text func(targetFlags, bootstrap.Options) ([]byte, error)
}{
	{"grpc", func(_ targetFlags, o bootstrap.Options) ([]byte, error) { return bootstrap.JSON(o) }},
	{"rust", func(_ targetFlags, o bootstrap.Options) ([]byte, error) { return bootstrap.Rust(o) }},
	{clientEnvoy, func(f targetFlags, o bootstrap.Options) ([]byte, error) {
		if f.secret != "" {
			return bootstrap.EnvoySecret(o, f.secret)
		}
		return bootstrap.Envoy(o, f.EnvoyOptions)
	}},
}

const clientEnvoy = "envoy"

func targetNames() (names []string) {
	for _, c := range bootstrapClients {
		names = append(names, c.name)
	}
	return names
}

func (f *targetFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.client, "for", bootstrapClients[0].name, "`"+strings.Join(targetNames(), "|")+"`: gRPC libraries and the Java agent, gRPC for Rust (tonic-xds), or an Envoy proxy")
	cmd.Flags().StringVar(&f.secret, "envoy-secret", "", "print the file of a secret of --certificates or --authorities in place of the bootstrap: `NAME-certificate|NAME-authorities`")
	cmd.Flags().StringVar(&f.Admin, "envoy-admin", bootstrap.DefaultEnvoyAdmin, "`HOST:PORT` on which Envoy serves its own page; keep it on loopback, because it can stop Envoy")
	cmd.Flags().StringVar(&f.Egress, "envoy-egress", "", "`ADDRESS:PORT` on loopback, on which Envoy takes the calls of applications beside it to all hosts of the mesh; none by default")
	completeWith(cmd, "for", targetNames()...)
}

// print prints the bootstrap for the client.
func (f *targetFlags) print(cmd *cobra.Command, std stdio, o bootstrap.Options) error {
	if f.client != clientEnvoy && (cmd.Flags().Changed("envoy-admin") || f.secret != "" || f.Egress != "") {
		return usageErrorf(cmd, "--envoy-admin, --envoy-egress and --envoy-secret are for --for envoy")
	}
	for _, c := range bootstrapClients {
		if c.name == f.client {
			text, err := c.text(*f, o)
			if err != nil {
				return err
			}
			return std.print(text)
		}
	}
	return usageErrorf(cmd, "unknown --for %q: it is one of %s", f.client, strings.Join(targetNames(), ", "))
}

// registerNode registers the flags for the client's xDS node.
func registerNode(cmd *cobra.Command, options *bootstrap.Options, zone *localityFlag) {
	flags := cmd.Flags()
	flags.StringVar(&options.NodeID, "node-id", "", "`ID` of the client (default mizzen~NAMESPACE~HOSTNAME, or HOSTNAME without a namespace)")
	flags.StringVar(&options.Namespace, "namespace", bootstrap.DefaultNamespace, "`NAMESPACE` of the client; by default unset if the client proves its identity")
	flags.StringToStringVar(&options.Labels, "labels", nil, "labels of the client's pod: `KEY=VALUE,...`")
	flags.StringVar(&options.ServiceAccount, "service-account", "", "`NAME` of the client's service account")
	flags.StringVar(&options.NodeName, "node-name", "", "`NAME` of the Kubernetes node the client runs on")
	flags.StringVar(&options.ClusterID, "cluster-id", "", "`ID` of the cluster the client runs in")
	flags.Var(zone, "zone", "where the client runs")
	flags.BoolVar(&options.SystemRoots, "system-roots", false, systemRootsHelp)
	flags.BoolVar(&options.SNI, "sni", false, sniHelp)
	flags.BoolVar(&options.Server, "server", false, "the application may also serve calls by xDS; implied by --certificates")
}
