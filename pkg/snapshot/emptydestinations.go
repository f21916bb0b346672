package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// EmptyDestinations returns, sorted, the destinations without an endpoint that can be called to which a rule sends a larger share of its
// calls with the change than before; and those to which it sends none any more. Calls to them fail before a client has chosen an
// endpoint, so clients do not report them.
func (s *Snapshot) EmptyDestinations(r *mesh.Rollout) (first, rest []mesh.Problem) {
	type target struct{ host, cluster string }
	before, after := map[target]float64{}, map[target]float64{}
	from := map[target]mesh.Ref{}
	for host, h := range s.subjects.All() {
		clients := representatives(h.facts.Service, h.facts.VirtualServices, h.facts.DestinationRules)
		if follows := func(c mesh.Client) bool { return c.Bucket == 1 }; !slices.ContainsFunc(slices.Collect(maps.Keys(clients)), follows) {
			continue // All clients follow the same rules.
		}
		h = h.anyName(s, host)
		for client := range clients {
			if client.Bucket == mesh.BucketOfAuthors {
				continue
			}
			client.Kind = representative[mesh.FamilyGRPC]
			for _, config := range h.translateHost(s, h.equipped(client)).resources {
				if config.t != RouteType {
					continue
				}
				for cluster, share := range sharesOf(config, func(cluster string) bool { return concerns(r, host, cluster) && s.isEmpty(cluster, client) }) {
					at, shares := target{host, cluster}, before
					if client.Bucket != 0 {
						shares = after
					}
					if client.Bucket != 0 || from[at].Name == "" {
						from[at] = objectOf(r, config)
					}
					shares[at] = max(shares[at], share)
				}
			}
		}
	}
	of := func(shares map[target]float64, counts func(target) bool) (found []mesh.Problem) {
		for at := range shares {
			if counts(at) {
				found = append(found, s.emptyDestination(from[at], at.cluster))
			}
		}
		return s.world.Unsilenced(mesh.SortProblems(found))
	}
	return of(after, func(at target) bool { return after[at] > before[at] }), of(before, func(at target) bool { return after[at] == 0 })
}

// anyName returns the subject of a host as clients dial it: a wildcard by some name, and a serviceless host at the default port.
func (h *subject) anyName(s *Snapshot, host string) *subject {
	name := host
	if mesh.IsWildcard(host) {
		name = "any" + host[1:]
	}
	switch {
	case h.serviceless():
		return h.at(name, defaultServicelessPort)
	case name != host:
		return h.below(s, host, name)
	}
	return h
}

// equipped returns the client with every certificate that it may need to call the host.
func (h *subject) equipped(client mesh.Client) mesh.Client {
	client = h.facts.WithAllProviders(client)
	client.Providers = mesh.MakeProviders(append(client.Providers.All(), mesh.MeshProvider)...)
	return client
}

// objectOf returns the object of a rollout of which routes are made, or the object that has the policy.
func objectOf(r *mesh.Rollout, config *Versioned) mesh.Ref {
	if i := slices.IndexFunc(config.Refs, func(of mesh.Ref) bool { return slices.Contains(r.Objects, of) }); i >= 0 {
		return config.Refs[i]
	}
	return r.Object
}

// concerns reports whether a rollout changes the rules for a host, or for what they send calls to.
func concerns(r *mesh.Rollout, host, cluster string) bool {
	_, _, to, _ := resource.ParseName(cluster)
	return slices.ContainsFunc(r.Hosts, func(of string) bool { return of == host || of == to || mesh.Covers(of, host) })
}

// sharesOf returns the largest share of a route that each of the clusters gets that are wanted.
func sharesOf(config *Versioned, wanted func(cluster string) bool) map[string]float64 {
	clusters := slices.DeleteFunc(slices.Clone(config.LeadsTo), func(cluster string) bool { return !wanted(cluster) })
	var content routev3.RouteConfiguration
	if len(clusters) == 0 || proto.Unmarshal(config.Any().GetValue(), &content) != nil {
		return nil
	}
	all := map[string]float64{}
	for _, host := range content.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			if route.GetMatch().GetPath() == routes.ZeroWeightPath {
				continue
			}
			shares, sum := map[string]float64{}, 0.0
			if cluster := route.GetRoute().GetCluster(); cluster != "" {
				shares[cluster], sum = 1, 1
			}
			for _, weighted := range route.GetRoute().GetWeightedClusters().GetClusters() {
				shares[weighted.GetName()] += float64(weighted.GetWeight().GetValue())
				sum += float64(weighted.GetWeight().GetValue())
			}
			for cluster, share := range shares {
				if share > 0 && slices.Contains(clusters, cluster) {
					all[cluster] = max(all[cluster], share/sum)
				}
			}
		}
	}
	return all
}

// isEmpty reports whether a cluster takes its endpoints from an assignment that has none for the client.
func (s *Snapshot) isEmpty(cluster string, client mesh.Client) bool {
	if _, _, host, ok := resource.ParseName(cluster); ok {
		if h, ok := s.subjects.Get(host); ok {
			client = h.equipped(client)
		}
	}
	v := s.Resource(ClusterType, cluster, client)
	if v == nil {
		return false
	}
	return slices.ContainsFunc(v.LeadsTo, func(name string) bool {
		assigned := s.Resource(EndpointType, name, client)
		return assigned != nil && assigned.Removes()
	})
}

// emptyDestination says that no endpoint of a cluster can be called.
func (s *Snapshot) emptyDestination(from mesh.Ref, cluster string) mesh.Problem {
	p := mesh.Problem{Code: mesh.CodeNoEndpoints, Severity: mesh.Error, Object: from}
	to, _ := s.DestinationOf(cluster)
	name := to.Service
	if to.Namespace != "" {
		name = to.Namespace + "/" + to.Service
	}
	if to.Subset != "" {
		p.Code, name = mesh.CodeEmptySubset, fmt.Sprintf("the subset %q of %s", to.Subset, name)
	}
	p.Message = fmt.Sprintf("it sends calls to port %d of %s, which has no endpoint that can be called. Start its pods, or correct the destination.", to.Port, cmp.Or(name, cluster))
	return p
}
