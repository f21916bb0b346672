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
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// randomHosts is the number of hosts with random rules in TestNobodyRefuses.
var randomHosts = seeds.Count(2000)

// TestNobodyRefuses gets the resources of Services, of pods by their own names, and of serviceless hosts with
// random rules, for every client kind, in old and new versions. It checks each resource with the rules of that
// kind. `go test -run TestNobodyRefuses -v ./pkg/translate` prints the number of resources.
func TestNobodyRefuses(t *testing.T) {
	checked := 0
	store := serving.NewStore(serving.Options{Check: func(name string, m proto.Message, r clientrules.Audience) []clientrules.Finding {
		checked++
		findings := clientrules.Check(name, m, r)
		if broken := translate.Constraints(m); broken != nil && r.Kinds&mesh.GRPCClientKinds() == 0 && !r.Kinds.Has(mesh.UnknownClient) {
			t.Errorf("%s breaks a constraint of Envoy's API: %v", name, broken)
		}
		for _, f := range findings {
			t.Errorf("%s %s", name, f)
		}
		return findings
	}})
	world := translate.RandomWorld(randomHosts)
	store.Publish(world)
	answers := 0
	for _, kind := range mesh.AllClientKinds.All() {
		for _, version := range []string{"", "1.41.0", "1.50.0", "1.85.0"} {
			client := mesh.Client{Namespace: "demo", Kind: kind, Version: version, Missing: mesh.FeaturesMissingIn(kind, version)}
			for _, resourceType := range snapshot.Types {
				if !resourceType.ServedTo(client) {
					continue
				}
				pods := podNames(world, resourceType)
				for i, name := range append(pods, store.Current().Names(resourceType, client)...) {
					answers++
					v := store.Current().Resource(resourceType, name, client)
					if v == nil {
						t.Errorf("%s is not answered", name)
						continue
					}
					// The Store checks each resource with the audience that it assumes. This checks it with a client
					// that really gets it.
					if i < len(pods) || i%8 == 0 {
						checkAccepted(t, v, client)
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing was checked")
	}
	t.Logf("%d hosts: %d answers to clients of all kinds, made of %d resources", randomHosts, answers, checked)
}

// checkAccepted fails the test if the client would reject the resource.
func checkAccepted(t *testing.T, v *snapshot.Versioned, client mesh.Client) {
	t.Helper()
	message, err := v.Any().UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	var audience clientrules.Audience
	audience.Add(client.Kind, client.Missing)
	for _, f := range clientrules.Check(v.Name, message, audience) {
		t.Errorf("%s %s gets %s, which %s", client.Kind, client.Version, v.Name, f)
	}
}

// podNames returns the names of a resource type for one pod of every eighth Service.
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
