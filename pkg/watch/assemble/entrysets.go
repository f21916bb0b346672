package assemble

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// madeSets are the endpoints that were assembled for one World, by the first ServiceEntry that they are of. An object may have
// hundreds of hosts, thousands of endpoints and hundreds of ports; the hosts share what was made for one of them.
type madeSets map[*serviceEntry]*madeSet

// madeSet is what endpointSet returns for these ServiceEntries and ports of the Service.
type madeSet struct {
	entries  []*serviceEntry
	ports    []mesh.Port
	set      *mesh.EndpointSet
	names    []string
	problems []mesh.Problem
}

// endpointSet is external.endpointSet, with sorted Problems, not all if there are very many.
func (m madeSets) endpointSet(x *external, g *entryGroup) (*mesh.EndpointSet, []string, []mesh.Problem) {
	if g.service == nil || g.service.ResolvedByClients() || slices.ContainsFunc(g.entries, (*serviceEntry).resolvesHost) {
		set, names, problems := x.endpointSet(g)
		return set, names, mesh.SortProblems(problems)
	}
	made := m[g.entries[0]]
	if made == nil || !slices.Equal(made.entries, g.entries) || !slices.Equal(made.ports, g.service.Ports) {
		made = &madeSet{entries: g.entries, ports: g.service.Ports}
		made.set, made.names, made.problems = x.endpointSet(g)
		slices.Sort(made.names)
		made.names = slices.Compact(made.names)
		made.problems = fewer(mesh.SortProblems(made.problems))
		m[g.entries[0]] = made
	}
	set := made.set
	if set != nil && set.Host != g.service.Host {
		set = &mesh.EndpointSet{Host: g.service.Host, Endpoints: set.Endpoints}
	}
	return set, made.names, made.problems
}

// resolvesHost reports whether the endpoints are the addresses of the host itself, so that each host has others.
func (e *serviceEntry) resolvesHost() bool {
	return e.resolution() == mesh.ResolveServer && len(e.Endpoints) == 0 && e.Selector == nil
}

// madeGroups are the groups that were made for one World, by their first endpoint. Hosts share them as they share endpoints.
type madeGroups map[groupsKey]*mesh.EndpointGroups

type groupsKey struct {
	first *mesh.Endpoint
	local bool
}

// of is EndpointSet.Groups. set may be nil.
func (m madeGroups) of(set *mesh.EndpointSet, local bool) *mesh.EndpointGroups {
	if set == nil || len(set.Endpoints) == 0 {
		return nil
	}
	key := groupsKey{&set.Endpoints[0], local}
	made, ok := m[key]
	if !ok {
		made = set.Groups(local)
		m[key] = made
	}
	if made != nil && made.Host != set.Host {
		made = &mesh.EndpointGroups{Host: set.Host, Groups: made.Groups}
	}
	return made
}
