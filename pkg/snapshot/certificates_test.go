package snapshot

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestTakesSystemRoots(t *testing.T) {
	for name, test := range map[string]struct {
		client mesh.Client
		want   bool
	}{
		"Java":                     {mesh.Client{Agent: mesh.AgentGRPCJava, Version: "1.78.0", Providers: "default"}, true},
		"Java that is younger":     {mesh.Client{Agent: mesh.AgentGRPCJava, Version: "2.0.0-SNAPSHOT", Providers: "default"}, true},
		"Java that is older":       {mesh.Client{Agent: mesh.AgentGRPCJava, Version: "1.77.0", Providers: "default"}, false},
		"Java of no version":       {mesh.Client{Agent: mesh.AgentGRPCJava, Version: "x.78", Providers: "default"}, false},
		"Java in plain text":       {mesh.Client{Agent: mesh.AgentGRPCJava, Version: "1.85.0"}, false},
		"Go, which has it off":     {mesh.Client{Agent: mesh.AgentGRPCGo, Version: "1.85.0", Providers: "default"}, false},
		"C-core, which has it off": {mesh.Client{Agent: mesh.AgentGRPCCore, Version: "1.85.0", Providers: "default"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := takesSystemRoots(test.client); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
