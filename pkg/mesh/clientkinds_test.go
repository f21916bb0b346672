package mesh

import "testing"

// TestAgentTableIsInOrder is what Agent.row relies on.
func TestAgentTableIsInOrder(t *testing.T) {
	for i, row := range agentTable {
		if int(row.agent) != i {
			t.Errorf("row %d is of agent %d", i, row.agent)
		}
		if row.name == "" || (row.userAgent == "") != (row.agent == AgentUnknown) {
			t.Errorf("row %d is incomplete: %+v", i, row)
		}
		if got, ok := AgentNamed(row.name); !ok || got != row.agent {
			t.Errorf("%q is agent %v", row.name, got)
		}
		if got := AgentOf(row.userAgent + " 1"); got != row.agent && row.userAgent != "" {
			t.Errorf("%q is agent %v", row.userAgent, got)
		}
	}
	if len(agentTable) != len(EveryAgent.All()) {
		t.Errorf("%d rows, want one for each of %s", len(agentTable), EveryAgent)
	}
	if beyond := Agent(len(agentTable)); beyond.String() != "unknown" {
		t.Errorf("agent %d, which there is not, is called %q", beyond, beyond)
	}
}
