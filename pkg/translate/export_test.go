package translate

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Updating says whether the tests write generated files instead of comparing them.
func Updating() bool { return *update }

// Lint lists what a client of any language would refuse of a resource.
func Lint(r Resource) []string { return lint(r) }

// RandomWorld holds n random Services, called h0, h1 and so on, and a host without a Service for the rules of each, called api0.example.com
// and so on.
func RandomWorld(n int) *mesh.World {
	services, endpoints := map[string]*mesh.Service{}, map[string]*mesh.EndpointSet{}
	routes, policies := map[string]*mesh.VirtualServiceSet{}, map[string]*mesh.DestinationRuleSet{}
	for i := range n {
		name := "h" + strconv.Itoa(i)
		host, set := randomHost(RandomBytes(uint64(i)), name)
		services[host.service.Host] = host.service
		if set.endpoints != nil {
			endpoints[host.service.Host] = set.endpoints
		}
		everybody := mesh.Export{Public: true}
		if host.virtualService != nil {
			table := &mesh.VirtualServiceSet{Candidates: []mesh.VirtualServiceCandidate{{VirtualService: host.virtualService, Export: everybody}}}
			routes[host.service.Host], routes["api"+strconv.Itoa(i)+".example.com"] = table, table
		}
		if host.destinationRule != nil {
			policies[host.service.Host] = &mesh.DestinationRuleSet{
				ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: everybody, Rule: host.destinationRule}},
			}
		}
	}
	w := &mesh.World{Revision: 1, Domain: "cluster.local"}
	w.Services, w.Endpoints = w.Services.With(services, nil), w.Endpoints.With(endpoints, nil)
	w.VirtualServices, w.DestinationRules = w.VirtualServices.With(routes, nil), w.DestinationRules.With(policies, nil)
	return w
}
