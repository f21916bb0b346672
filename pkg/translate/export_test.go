package translate

import (
	"strconv"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Updating says whether the tests write generated files instead of comparing them.
func Updating() bool { return *update }

// Lint lists what a client of any language would refuse of a resource.
func Lint(r Resource) []string { return lint(r) }

// RandomWorld holds n random hosts, called h0, h1 and so on.
func RandomWorld(n int) *mesh.World {
	services, endpoints := map[string]*mesh.Service{}, map[string]*mesh.EndpointSet{}
	routes, policies := map[string]*mesh.RouteTable{}, map[string]*mesh.PolicyTable{}
	for i := range n {
		name := "h" + strconv.Itoa(i)
		host, set := randomHost(RandomBytes(uint64(i)), name)
		services[host.Service.Host] = host.Service
		if set.Endpoints != nil {
			endpoints[host.Service.Host] = set.Endpoints
		}
		everybody := mesh.Export{Public: true}
		if host.Routes != nil {
			routes[host.Service.Host] = &mesh.RouteTable{Candidates: []mesh.RouteCandidate{{Routes: host.Routes, Export: everybody}}}
		}
		if host.Policy != nil {
			policies[host.Service.Host] = &mesh.PolicyTable{
				ServiceNamespace: "demo", Candidates: []mesh.PolicyCandidate{{Namespace: "demo", Export: everybody, Policy: host.Policy}},
			}
		}
	}
	w := &mesh.World{Revision: 1, Domain: "cluster.local"}
	w.Services, w.Endpoints = w.Services.With(services, nil), w.Endpoints.With(endpoints, nil)
	w.Routes, w.Policies = w.Routes.With(routes, nil), w.Policies.With(policies, nil)
	return w
}
