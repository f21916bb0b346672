package translate

import (
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// Updating reports whether the tests write generated files instead of comparing them.
func Updating() bool { return *translatetest.Update }

// Constraints returns which constraints of Envoy's API a message breaks.
func Constraints(m proto.Message) error { return translatetest.Constraints(m) }

// Lint returns the reasons for which a client in any language would reject a resource.
func Lint(r resource.Resource) []string { return translatetest.Complaints(r) }

// RandomWorld makes a World with n random Services, named h0, h1 and so on. The VirtualService of each also applies
// to a serviceless host, named api0.example.com and so on.
func RandomWorld(n int) *mesh.World {
	services, endpoints := map[string]*mesh.Service{}, map[string]*mesh.EndpointSet{}
	virtualServices, destinationRules := map[string]*mesh.VirtualServiceSet{}, map[string]*mesh.DestinationRuleSet{}
	for i := range n {
		name := "h" + strconv.Itoa(i)
		host := translatetest.RandomObjects(translatetest.RandomBytes(uint64(i)), name)
		services[host.Service.Host] = host.Service
		if host.Endpoints != nil {
			endpoints[host.Service.Host] = host.Endpoints
		}
		public := mesh.Export{Public: true}
		if host.VirtualService != nil {
			set := &mesh.VirtualServiceSet{Candidates: []mesh.VirtualServiceCandidate{{VirtualService: host.VirtualService, Export: public}}}
			virtualServices[host.Service.Host], virtualServices["api"+strconv.Itoa(i)+".example.com"] = set, set
		}
		if host.Rule != nil {
			destinationRules[host.Service.Host] = &mesh.DestinationRuleSet{
				ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: public, Rule: host.Rule}},
			}
		}
	}
	w := &mesh.World{Revision: 1, Domain: "cluster.local"}
	w.Services, w.Endpoints = w.Services.With(services, nil), w.Endpoints.With(endpoints, nil)
	w.VirtualServices, w.DestinationRules = w.VirtualServices.With(virtualServices, nil), w.DestinationRules.With(destinationRules, nil)
	return w
}
