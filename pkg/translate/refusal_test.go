// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// randomHosts is how many hosts with random rules TestNobodyRefuses makes.
const randomHosts = 2000

// TestNobodyRefuses has clients of every kind, old and new, ask for all that random rules come to, and holds what they get against
// what clients of that kind refuse. `go test -run TestNobodyRefuses -v ./pkg/translate` states how many resources that are.
func TestNobodyRefuses(t *testing.T) {
	checked := 0
	store := snapshot.NewStore(snapshot.Options{Check: func(name string, m proto.Message, r lint.Reader) []lint.Finding {
		checked++
		findings := lint.Check(name, m, r)
		for _, f := range findings {
			t.Errorf("%s %s", name, f)
		}
		return findings
	}})
	store.Publish(translate.RandomWorld(randomHosts))
	asked := 0
	for _, agent := range lint.Everybody().Agents.All() {
		for _, version := range []string{"", "1.41.0", "1.50.0", "1.85.0"} {
			client := mesh.Client{Namespace: "demo", Agent: agent, Version: version, Gaps: mesh.GapsOf(agent, version)}
			for _, resourceType := range snapshot.Types {
				for _, name := range store.Current().Names(resourceType, client) {
					asked++
					if store.Current().Resource(resourceType, name, client) == nil {
						t.Errorf("%s is not answered", name)
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing was checked")
	}
	t.Logf("%d hosts: %d answers to clients of all kinds, and %d resources behind them", randomHosts, asked, checked)
}
