// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// randomHosts is how many hosts with random rules TestNobodyRefuses makes.
const randomHosts = 2000

// TestNobodyRefuses has clients of every kind, old and new, ask for all that random rules come to: Services, their
// pods by their own names, and hosts without a Service. It holds what they get against what clients of that kind
// refuse. `go test -run TestNobodyRefuses -v ./pkg/translate` states how many resources that are.
func TestNobodyRefuses(t *testing.T) {
	checked := 0
	store := serving.NewStore(serving.Options{Check: func(name string, m proto.Message, r clientrules.Audience) []clientrules.Finding {
		checked++
		findings := clientrules.Check(name, m, r)
		for _, f := range findings {
			t.Errorf("%s %s", name, f)
		}
		return findings
	}})
	world := translate.RandomWorld(randomHosts)
	store.Publish(world)
	asked := 0
	for _, agent := range clientrules.AllClients().Kinds.All() {
		for _, version := range []string{"", "1.41.0", "1.50.0", "1.85.0"} {
			client := mesh.Client{Namespace: "demo", Kind: agent, Version: version, Missing: mesh.FeaturesMissingIn(agent, version)}
			for _, resourceType := range snapshot.Types {
				pods := podNames(world, resourceType)
				for i, name := range append(pods, store.Current().Names(resourceType, client)...) {
					asked++
					v := store.Current().Resource(resourceType, name, client)
					if v == nil {
						t.Errorf("%s is not answered", name)
						continue
					}
					// The Store holds each resource against the clients that it takes for its readers. Here it is
					// held against one that got it.
					if i < len(pods) || i%8 == 0 {
						refuses(t, v, client)
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

// refuses fails the test if a client that is sent a resource would refuse it.
func refuses(t *testing.T, v *snapshot.Versioned, client mesh.Client) {
	t.Helper()
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	var reader clientrules.Audience
	reader.Add(client.Kind, client.Missing)
	for _, f := range clientrules.Check(v.Name, message, reader) {
		t.Errorf("%s %s is sent %s, which %s", client.Kind, client.Version, v.Name, f)
	}
}

// podNames are the names of a type for one pod of every eighth Service, by its own name.
func podNames(world *mesh.World, of snapshot.Type) []string {
	var names []string
	n := 0
	for host, set := range world.Endpoints.All() {
		n++
		if n%8 != 0 {
			continue
		}
		service, _ := world.Services.Get(host)
		for _, e := range set.Endpoints {
			ip, err := netip.ParseAddr(e.Address)
			if err != nil || ip.Zone() != "" {
				continue
			}
			pod := strings.NewReplacer(".", "-", ":", "-").Replace(ip.String()) + "." + host
			for _, port := range service.Ports {
				if of == snapshot.ListenerType {
					names = append(names, resource.ListenerName(port.Number, pod))
				} else {
					names = append(names, resource.ClusterName(port.Number, "", pod))
				}
			}
			break
		}
	}
	return names
}
