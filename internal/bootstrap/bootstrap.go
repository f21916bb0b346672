package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The defaults of Options.
const (
	// DefaultServerURI is the default address of `controlplane serve`, in plaintext. DefaultTLSServerURI is the address of the usual
	// port for TLS, which has no default there.
	DefaultServerURI    = "127.0.0.1:15010"
	DefaultTLSServerURI = "127.0.0.1:15012"
	// DefaultNamespace is also the namespace that the control plane assumes for a node without one.
	DefaultNamespace = "default"
)

// listenerTemplate is how an xDS server asks for its listener: by the address that it listens on, which gRPC puts in
// place of %s.
const listenerTemplate = "grpc/server?xds.resource.listening_address=%s"

// Options describe the control plane and the client. The zero value is a client in the namespace default on the
// control plane's own machine.
type Options struct {
	// ServerURI is any gRPC target. If empty, it is DefaultTLSServerURI with TLS and DefaultServerURI without.
	ServerURI string
	// Fallbacks are the targets of further control planes, in order. A client that supports them uses the first that it can
	// reach, while it lacks a resource, and returns to an earlier one once that can be reached.
	Fallbacks []string
	// Connection is how the client connects to the control plane.
	Connection Connection
	// NodeID names the client in logs and in `inspect clients`. If empty, it is made from Namespace and Hostname, or
	// from Hostname alone if the client proves its identity.
	NodeID string
	// Hostname distinguishes the clients of a namespace. It is used only without a NodeID.
	Hostname string
	// Namespace is the namespace in which relative names are resolved and whose rules apply. If empty, it is
	// DefaultNamespace, or the namespace that the client proves.
	Namespace string
	// Labels are the labels of the client's pod, for rules that select clients by sourceLabels.
	Labels map[string]string
	// ServiceAccount, NodeName and ClusterID are omitted if empty.
	ServiceAccount, NodeName, ClusterID string
	// Locality is where the client runs. It is written even if it is empty.
	Locality mesh.Locality
	// Certificates are the client's certificate providers, by name. They are configured and declared together.
	Certificates map[string]Certificates
	// SystemRoots and SNI declare that the variables GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS and GRPC_EXPERIMENTAL_XDS_SNI
	// are true in the client's process, and that its application uses xDS credentials.
	SystemRoots, SNI bool
	// Server means that the application may serve calls by xDS, too. A client with a certificate always may.
	Server bool
}

// The structs below define the order of the keys, which maps would not.
type document struct {
	Servers   []server            `json:"xds_servers"`
	Node      node                `json:"node"`
	Providers map[string]provider `json:"certificate_providers,omitempty"`
	Template  string              `json:"server_listener_resource_name_template,omitempty"`
}

type server struct {
	URI       string       `json:"server_uri"`
	Creds     []credential `json:"channel_creds"`
	CallCreds []credential `json:"call_creds,omitempty"`
	Features  []string     `json:"server_features"`
}

type node struct {
	ID       string   `json:"id"`
	Cluster  string   `json:"cluster"`
	Locality locality `json:"locality"`
	Metadata metadata `json:"metadata"`
}

type locality struct {
	Region  string `json:"region,omitempty"`
	Zone    string `json:"zone,omitempty"`
	SubZone string `json:"sub_zone,omitempty"`
}

// metadata has Istio's keys, two that Mizzen defines, CERTIFICATE_PROVIDERS and EGRESS, and variables of the client's process with
// their values.
type metadata struct {
	Namespace      string            `json:"NAMESPACE,omitempty"`
	Labels         map[string]string `json:"LABELS,omitempty"`
	ServiceAccount string            `json:"SERVICE_ACCOUNT,omitempty"`
	NodeName       string            `json:"NODE_NAME,omitempty"`
	ClusterID      string            `json:"CLUSTER_ID,omitempty"`
	Providers      []string          `json:"CERTIFICATE_PROVIDERS,omitempty"`
	Egress         string            `json:"EGRESS,omitempty"`
	SystemRoots    string            `json:"GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS,omitempty"`
	SNI            string            `json:"GRPC_EXPERIMENTAL_XDS_SNI,omitempty"`
}

// JSON returns the document, indented, with a newline at the end. It fails if a locality has a zone without a region
// or a sub-zone without a zone, and if some client would reject a certificate provider or the connection.
func JSON(o Options) ([]byte, error) {
	if !complete(o.Locality) {
		return nil, errors.New("a zone needs its region, and a sub-zone its zone")
	}
	providers, err := providersOf(o.Certificates)
	if err != nil {
		return nil, err
	}
	channel, call, err := o.Connection.credentials()
	if err != nil {
		return nil, err
	}
	id, cluster, namespace := o.nodeIdentity()
	var servers []server
	for _, uri := range append([]string{o.serverURI()}, o.Fallbacks...) {
		servers = append(servers, server{URI: uri, Creds: channel, CallCreds: call, Features: []string{"xds_v3"}})
	}
	doc := document{
		Servers: servers,
		Node: node{
			ID:       id,
			Cluster:  cluster,
			Locality: locality{Region: o.Locality.Region, Zone: o.Locality.Zone, SubZone: o.Locality.SubZone},
			Metadata: metadata{
				Namespace:      namespace,
				Labels:         o.Labels,
				ServiceAccount: o.ServiceAccount,
				NodeName:       o.NodeName,
				ClusterID:      o.ClusterID,
				Providers:      slices.Sorted(maps.Keys(providers)),
				SystemRoots:    variable(o.SystemRoots),
				SNI:            variable(o.SNI),
			},
		},
		Providers: providers,
	}
	if o.Server || hasCertificate(o.Certificates) {
		doc.Template = listenerTemplate
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode bootstrap: %w", err)
	}
	return append(text, '\n'), nil
}

func (o Options) serverURI() string {
	if o.Connection.TLS {
		return orDefault(o.ServerURI, DefaultTLSServerURI)
	}
	return orDefault(o.ServerURI, DefaultServerURI)
}

// variable returns the value of a variable that is set; empty if it is not.
func variable(set bool) string {
	if set {
		return "true"
	}
	return ""
}

// NodeID returns the default node ID of a client.
func NodeID(namespace, hostname string) string {
	return "mizzen~" + namespace + "~" + orDefault(hostname, "localhost")
}

// clusterName returns the node's cluster, which in xDS is the group of similar clients: the application in its
// namespace.
func clusterName(namespace, app string) string {
	if app == "" {
		return namespace
	}
	return app + "." + namespace
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
