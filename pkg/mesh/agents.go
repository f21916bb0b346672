package mesh

import (
	"encoding/json"
	"fmt"
	"strings"
)

// AgentSet is a set of Agents. It is comparable; the zero AgentSet is empty.
type AgentSet uint8

// EveryAgent is all kinds that are told apart.
const EveryAgent AgentSet = 1<<(AgentEnvoy+1) - 1

// EveryGRPCAgent is all gRPC libraries that are told apart.
func EveryGRPCAgent() AgentSet {
	var s AgentSet
	for _, row := range agentTable {
		if row.agent.IsGRPC() {
			s |= Agents(row.agent)
		}
	}
	return s
}

// Agents makes a set.
func Agents(agents ...Agent) AgentSet {
	var s AgentSet
	for _, a := range agents {
		s |= 1 << a
	}
	return s
}

// Has says whether an agent is in the set.
func (s AgentSet) Has(a Agent) bool { return s&(1<<a) != 0 }

// All returns the agents of the set, in the order of their constants.
func (s AgentSet) All() []Agent {
	var all []Agent
	for a := range AgentEnvoy + 1 {
		if s.Has(a) {
			all = append(all, a)
		}
	}
	return all
}

// String lists the agents for people.
func (s AgentSet) String() string {
	var names []string
	for _, a := range s.All() {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// MarshalJSON writes the names of the agents as a list.
func (s AgentSet) MarshalJSON() ([]byte, error) {
	names := []string{}
	for _, a := range s.All() {
		names = append(names, a.String())
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *AgentSet) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	*s = 0
	for _, name := range names {
		if a, ok := AgentNamed(name); ok {
			*s |= Agents(a)
		}
	}
	return nil
}
