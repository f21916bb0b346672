package mesh

import "strings"

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

// Family is the form in which kinds of clients take their resources. Clients of one family share what is made for them.
type Family uint8

// FamilyGRPC takes an API listener that names its routes. Every kind of client that is told apart today is sent that form.
const FamilyGRPC Family = iota

// agentRow is what is known about a kind of client, whatever its version. What versions cannot do is in gapTable.
type agentRow struct {
	agent Agent
	// name is the agent's name for people, and what they write to choose it.
	name string
	// userAgent begins the user agent name that such clients send. C-core adds the language.
	userAgent string
	// language is the short name of a gRPC library; empty for what is not a gRPC library.
	language string
	family   Family
}

// agentTable is in the order of the constants.
var agentTable = []agentRow{
	{AgentUnknown, "unknown", "", "", FamilyGRPC},
	{AgentGRPCGo, "gRPC Go", "gRPC Go", "Go", FamilyGRPC},
	{AgentGRPCJava, "gRPC Java", "gRPC Java", "Java", FamilyGRPC},
	{AgentGRPCCore, "gRPC C-core", "gRPC C-core", "C-core", FamilyGRPC},
	{AgentGRPCNode, "gRPC Node", "gRPC Node", "Node", FamilyGRPC},
	{AgentGRPCRust, "gRPC Rust", "tonic-xds", "Rust", FamilyGRPC},
	{AgentEnvoy, "Envoy", "envoy", "", FamilyGRPC},
}

func (a Agent) row() agentRow {
	if int(a) >= len(agentTable) {
		return agentTable[AgentUnknown]
	}
	return agentTable[a]
}

// String is the agent's name for people.
func (a Agent) String() string { return a.row().name }

// Language is the short name of a gRPC library, such as Go; empty for other agents.
func (a Agent) Language() string { return a.row().language }

// Family is the form in which the agent takes its resources.
func (a Agent) Family() Family { return a.row().family }

// IsGRPC says whether the agent is a gRPC library: one that never means a wildcard when it names nothing.
func (a Agent) IsGRPC() bool { return a.Language() != "" }

// AgentNamed finds the agent whose name for people that is, in any case.
func AgentNamed(name string) (Agent, bool) {
	for _, row := range agentTable {
		if strings.EqualFold(row.name, name) {
			return row.agent, true
		}
	}
	return AgentUnknown, false
}

// AgentOf finds the agent that sends a user agent name.
func AgentOf(userAgent string) Agent {
	for _, row := range agentTable {
		if row.userAgent != "" && strings.HasPrefix(userAgent, row.userAgent) {
			return row.agent
		}
	}
	return AgentUnknown
}
