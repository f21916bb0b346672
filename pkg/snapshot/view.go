package snapshot

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// defaultNamespace is that of a client which names none.
const defaultNamespace = "default"

// maxLabels bounds the labels of one client, so that a node cannot fill the memory.
const maxLabels = 64

// ClientOf makes the client from a node: the only place that reads a node. The keys of the metadata are Istio's: NAMESPACE,
// LABELS, SERVICE_ACCOUNT, NODE_NAME and CLUSTER_ID; CERTIFICATE_PROVIDERS is Mizzen's own. Values of the wrong kind count as absent. The node may be nil.
func ClientOf(node *corev3.Node) mesh.Client {
	fields := node.GetMetadata().GetFields()
	c := mesh.Client{
		Namespace:      text(fields["NAMESPACE"]),
		Labels:         labels(fields["LABELS"]),
		ServiceAccount: text(fields["SERVICE_ACCOUNT"]),
		Node:           text(fields["NODE_NAME"]),
		ClusterID:      text(fields["CLUSTER_ID"]),
		Locality: mesh.Locality{
			Region:  clip(node.GetLocality().GetRegion()),
			Zone:    clip(node.GetLocality().GetZone()),
			SubZone: clip(node.GetLocality().GetSubZone()),
		},
		Providers: providers(fields["CERTIFICATE_PROVIDERS"]),
		Bucket:    BucketOf(node.GetId()),
	}
	if c.Namespace == "" {
		c.Namespace = defaultNamespace
	}
	return Speaking(c, agentOf(node.GetUserAgentName()), clip(node.GetUserAgentVersion()))
}

// Speaking is the client as one of that kind and version.
func Speaking(c mesh.Client, agent mesh.Agent, version string) mesh.Client {
	c.Agent, c.Version, c.Gaps = agent, version, mesh.GapsOf(agent, version)
	if !encrypts(c) {
		c.Providers = ""
	}
	return c
}

// agents are the user agent names that clients send; a prefix is enough, since C-core adds the language.
var agents = []struct {
	prefix string
	agent  mesh.Agent
}{
	{"gRPC Go", mesh.AgentGRPCGo},
	{"gRPC Java", mesh.AgentGRPCJava},
	{"gRPC C-core", mesh.AgentGRPCCore},
	{"gRPC Node", mesh.AgentGRPCNode},
	{"tonic-xds", mesh.AgentGRPCRust},
	{"envoy", mesh.AgentEnvoy},
}

func agentOf(name string) mesh.Agent {
	for _, a := range agents {
		if strings.HasPrefix(name, a.prefix) {
			return a.agent
		}
	}
	return mesh.AgentUnknown
}

func labels(v *structpb.Value) mesh.Labels {
	fields := v.GetStructValue().GetFields()
	if len(fields) == 0 || len(fields) > maxLabels {
		return ""
	}
	set := make(map[string]string, len(fields))
	for k, v := range fields {
		set[clip(k)] = text(v)
	}
	return mesh.MakeLabels(set)
}

func text(v *structpb.Value) string { return clip(v.GetStringValue()) }

// clip bounds a text from outside; 253 is the longest name and 63 the longest label value that Kubernetes knows.
func clip(s string) string {
	const longest = 256
	if len(s) > longest {
		s = s[:longest]
	}
	// What is cut or forged may not be UTF-8; it may end up in messages that must be.
	return strings.ToValidUTF8(strings.Clone(s), "")
}
