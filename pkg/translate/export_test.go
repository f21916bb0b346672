package translate

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// Updating says whether the tests write generated files instead of comparing them.
func Updating() bool { return *translatetest.Update }

// Lint lists what a client of any language would refuse of a resource.
func Lint(r resource.Resource) []string { return translatetest.Complaints(r) }

// RandomWorld holds n random Services, called h0, h1 and so on, and a host without a Service for the rules of each, called api0.example.com
// and so on.
func RandomWorld(n int) *mesh.World {
	services, endpoints := map[string]*mesh.Service{}, map[string]*mesh.EndpointSet{}
	routes, policies := map[string]*mesh.VirtualServiceSet{}, map[string]*mesh.DestinationRuleSet{}
	for i := range n {
		name := "h" + strconv.Itoa(i)
		host := translatetest.RandomObjects(translatetest.RandomBytes(uint64(i)), name)
		services[host.Service.Host] = host.Service
		if host.Endpoints != nil {
			endpoints[host.Service.Host] = host.Endpoints
		}
		everybody := mesh.Export{Public: true}
		if host.VirtualService != nil {
			table := &mesh.VirtualServiceSet{Candidates: []mesh.VirtualServiceCandidate{{VirtualService: host.VirtualService, Export: everybody}}}
			routes[host.Service.Host], routes["api"+strconv.Itoa(i)+".example.com"] = table, table
		}
		if host.Rule != nil {
			policies[host.Service.Host] = &mesh.DestinationRuleSet{
				ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: everybody, Rule: host.Rule}},
			}
		}
	}
	w := &mesh.World{Revision: 1, Domain: "cluster.local"}
	w.Services, w.Endpoints = w.Services.With(services, nil), w.Endpoints.With(endpoints, nil)
	w.VirtualServices, w.DestinationRules = w.VirtualServices.With(routes, nil), w.DestinationRules.With(policies, nil)
	return w
}
