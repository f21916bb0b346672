package snapshot

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// factsOf returns what a World says about a host.
func factsOf(world *mesh.World, name string) translate.Facts {
	facts := translate.Facts{Defaults: world.Defaults}
	facts.Service, _ = world.Services.Get(name)
	facts.Alias, _ = world.Aliases.Get(name)
	facts.Endpoints, _ = world.Endpoints.Get(name)
	facts.Groups, _ = world.EndpointGroups.Get(name)
	facts.VirtualServices, _ = world.VirtualServices.Get(name)
	facts.DestinationRules, _ = world.DestinationRules.Get(name)
	return facts
}

// FactsFor returns the facts about a host as a client sees it: of several Services that declare the host, those about the one that
// the client calls. ok is false if the client sees none.
func (s *Snapshot) FactsFor(host string, client mesh.Client) (facts translate.Facts, ok bool) {
	h, ok := s.serviceFor(host, s.narrowed(ListenerType, client))
	if !ok {
		return translate.Facts{}, false
	}
	return h.facts, true
}

// sameRules reports whether both have the same rules.
func sameRules(a, b translate.Facts) bool {
	return a.VirtualServices == b.VirtualServices && a.DestinationRules == b.DestinationRules
}

// sameService reports whether both are for the same Service, and refer to the same one if it is an alias.
func sameService(a, b translate.Facts) bool { return a.Service == b.Service && a.Alias == b.Alias }
