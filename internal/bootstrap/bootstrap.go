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
	// DefaultServerURI is where `controlplane serve` listens unless told otherwise.
	DefaultServerURI = "127.0.0.1:15010"
	// DefaultNamespace is also what the control plane assumes of a node that names none.
	DefaultNamespace = "default"
)

// Options say where the control plane is and who the client is. The zero value is a client of the namespace default on
// the control plane's own machine.
type Options struct {
	// ServerURI is any gRPC target; DefaultServerURI when empty.
	ServerURI string
	// Connection is how the client connects to it.
	Connection Connection
	// NodeID names the client in logs and in `inspect clients`. When empty it is made of Namespace and Hostname, or of Hostname
	// alone for a client that proves who it is.
	NodeID string
	// Hostname distinguishes the clients of a namespace; it matters only without a NodeID.
	Hostname string
	// Namespace is where relative names resolve and whose rules hold. When empty it is DefaultNamespace, or what the client proves.
	Namespace string
	// Labels of the client's pod, for rules that choose clients by sourceLabels.
	Labels map[string]string
	// ServiceAccount, NodeName and ClusterID are left out when empty.
	ServiceAccount, NodeName, ClusterID string
	// Locality is where the client runs; it is written even when empty.
	Locality mesh.Locality
	// Certificates are the client's certificate providers, by name. They are set up and declared together.
	Certificates map[string]Certificates
}

// The structs below fix the order of the keys, which maps would not.
type document struct {
	Servers   []server            `json:"xds_servers"`
	Node      node                `json:"node"`
	Providers map[string]provider `json:"certificate_providers,omitempty"`
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

// metadata has Istio's keys, and one of Mizzen's own: CERTIFICATE_PROVIDERS.
type metadata struct {
	Namespace      string            `json:"NAMESPACE,omitempty"`
	Labels         map[string]string `json:"LABELS,omitempty"`
	ServiceAccount string            `json:"SERVICE_ACCOUNT,omitempty"`
	NodeName       string            `json:"NODE_NAME,omitempty"`
	ClusterID      string            `json:"CLUSTER_ID,omitempty"`
	Providers      []string          `json:"CERTIFICATE_PROVIDERS,omitempty"`
}

// JSON returns the document, indented and ending in a newline. It fails when a locality names a part without the one
// above it, which no client could place, and when a certificate provider or a connection is one that some client refuses.
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
	doc := document{
		Servers: []server{{
			URI:       orDefault(o.ServerURI, DefaultServerURI),
			Creds:     channel,
			CallCreds: call,
			Features:  []string{"xds_v3"},
		}},
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
			},
		},
		Providers: providers,
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode bootstrap: %w", err)
	}
	return append(text, '\n'), nil
}

// NodeID is the id of a client that was given none.
func NodeID(namespace, hostname string) string {
	return "mizzen~" + namespace + "~" + orDefault(hostname, "localhost")
}

// clusterName is what xDS calls the group of the client's like: the application in its namespace.
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
