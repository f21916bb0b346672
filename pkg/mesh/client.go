package mesh

// Client is what may change an answer: only that, so that clients who differ in nothing that matters share everything.
// It is comparable. Package snapshot makes it from a node, in one place.
type Client struct {
	Namespace      string
	Labels         Labels
	ServiceAccount string
	Node           string
	ClusterID      string
	Locality       Locality
	Agent          Agent
	// Providers are the certificate providers that the client declares. With any, it promises that its application uses xDS
	// credentials, so that it encrypts where it is told to.
	Providers Providers
	// Version of the agent, as it states it, such as 1.85.0.
	Version string
}

// Agent is a kind of xDS client.
type Agent uint8

// The agents that are told apart. AgentUnknown gets what all of them accept.
const (
	AgentUnknown Agent = iota
	AgentGRPCGo
	AgentGRPCJava
	AgentGRPCCore
	AgentGRPCNode
	AgentGRPCRust
	AgentEnvoy
)

// String is the agent's name for people.
func (a Agent) String() string {
	switch a {
	case AgentGRPCGo:
		return "gRPC Go"
	case AgentGRPCJava:
		return "gRPC Java"
	case AgentGRPCCore:
		return "gRPC C-core"
	case AgentGRPCNode:
		return "gRPC Node"
	case AgentGRPCRust:
		return "gRPC Rust"
	case AgentEnvoy:
		return "Envoy"
	case AgentUnknown:
	}
	return "unknown"
}

// IsGRPC says whether the agent is a gRPC library: one that never means a wildcard when it names nothing.
func (a Agent) IsGRPC() bool { return a != AgentUnknown && a != AgentEnvoy }
