package endpoints

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// preference is a setting by which clients prefer some endpoints of a host.
type preference interface {
	// track records the parts of a client's topology that arrange depends on.
	track(use *TopologyUse)
	// arrange divides sorted endpoints into groups, the most preferred first.
	arrange(from ClientTopology, all []lbEndpoint) []localityGroup
}

// localityGroup has the endpoints of one locality and one rank. Clients call the endpoints of a rank only if no
// endpoint of a lower rank is reachable. Groups of one rank get calls by weight.
type localityGroup struct {
	rank   int
	weight uint32
	// fixedWeight is set if weight is a share of the calls. Otherwise it is the sum of the endpoints' weights.
	fixedWeight bool
	endpoints   []lbEndpoint
	// endpointWeight is the weight of every endpoint in a group that splitByWeight made; 0 in other groups.
	endpointWeight uint32
}

// groupsByRank divides groups, which are sorted by rank, into one list for each rank.
func groupsByRank(groups []localityGroup) [][]localityGroup {
	var ranks [][]localityGroup
	for i, g := range groups {
		if i == 0 || groups[i-1].rank != g.rank {
			ranks = append(ranks, nil)
		}
		ranks[len(ranks)-1] = append(ranks[len(ranks)-1], g)
	}
	return ranks
}

// preferenceFor returns the preference for one port and subset: the rule's, or else the Service's. It is nil by
// default, and then all endpoints are equal.
func preferenceFor(s policy.Settings, service *mesh.Service) preference {
	zoned, located := s.LoadBalancer.GetZoneAwareLbSetting(), s.LoadBalancer.GetLocalityLbSetting()
	switch {
	case zoned != nil && enabled(zoned):
		return newZoneAware(zoned)
	case located != nil && !enabled(located):
		return nil
	case len(located.GetDistribute()) > 0:
		return distribution(located.GetDistribute())
	case located != nil:
		return failover{labels: located.GetFailoverPriority(), regions: failoverRegions(located.GetFailover())}
	case service.TrafficDistribution != mesh.PreferNone:
		return trafficDistribution(service.TrafficDistribution)
	}
	return nil
}

// arrange calls p.arrange. If p is nil, all endpoints are in one rank.
func arrange(p preference, from ClientTopology, all []lbEndpoint) []localityGroup {
	if p == nil {
		return groupEndpoints(all, func(*mesh.Endpoint) int { return 0 })
	}
	return p.arrange(from, all)
}

// groupEndpoints makes a group of the endpoints of each rank and locality. The weight of a group is the sum of its
// endpoints' weights, so that each endpoint gets its share of the calls. all must be sorted by locality.
// groupEndpoints sorts it by rank.
func groupEndpoints(all []lbEndpoint, rank func(*mesh.Endpoint) int) []localityGroup {
	for i := range all {
		all[i].rank = rank(all[i].endpoint)
	}
	slices.SortStableFunc(all, func(a, b lbEndpoint) int { return cmp.Compare(a.rank, b.rank) })
	var groups []localityGroup
	first := 0
	for i, b := range all {
		last := len(groups) - 1
		if last < 0 || groups[last].rank != b.rank || all[first].endpoint.Topology.Locality() != b.endpoint.Topology.Locality() {
			groups = append(groups, localityGroup{rank: b.rank})
			last, first = last+1, i
		}
		groups[last].endpoints = all[first : i+1 : i+1]
		groups[last].weight += b.endpoint.EffectiveWeight()
	}
	return groups
}

// failover is localityLbSetting without distribute: endpoints in the client's sub-zone, zone and region come first,
// in this order. With labels, the endpoints that match the longest prefix of the labels come first, and localities
// are compared only if there are regions.
type failover struct {
	labels  []string
	regions map[string]string
}

// regionPair is an entry of a failover list.
type regionPair interface {
	GetFrom() string
	GetTo() string
}

// failoverRegions returns the failover region for each region. The first entry for a region applies.
func failoverRegions[F regionPair](list []F) map[string]string {
	regions := map[string]string{}
	for _, f := range list {
		if _, ok := regions[f.GetFrom()]; !ok && f.GetFrom() != "" {
			regions[f.GetFrom()] = f.GetTo()
		}
	}
	return regions
}

func (f failover) track(use *TopologyUse) {
	trackLabels(use, f.labels)
	if len(f.labels) == 0 || len(f.regions) > 0 {
		use.trackLocality()
	}
	for from := range f.regions {
		use.regions.add(from)
	}
}

func (f failover) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	const distances = 5
	return groupEndpoints(all, func(e *mesh.Endpoint) int {
		rank := labelRank(f.labels, from, e)
		if len(f.labels) == 0 || len(f.regions) > 0 {
			rank = rank*distances + localityDistance(from.Locality, e.Topology.Locality(), f.regions)
		}
		return rank
	})
}

// localityDistance returns the distance of an endpoint from a client, from 0 to 4. The sub-zone is not compared if
// the client does not state it.
func localityDistance(client, endpoint mesh.Locality, regions map[string]string) int {
	to, ok := regions[client.Region]
	switch {
	case sameZone(client, endpoint) && (client.SubZone == "" || client.SubZone == endpoint.SubZone):
		return 0
	case sameZone(client, endpoint):
		return 1
	case sameRegion(client, endpoint):
		return 2
	case ok && to != endpoint.Region:
		return 4
	}
	return 3
}

// sameZone reports whether two localities are in one zone. The regions are not known if Mizzen is not allowed to
// read nodes. Then only the zones are compared.
func sameZone(a, b mesh.Locality) bool {
	return a.Zone != "" && a.Zone == b.Zone && (a.Region == b.Region || a.Region == "" || b.Region == "")
}

func sameRegion(a, b mesh.Locality) bool {
	return a.Region != "" && a.Region == b.Region || sameZone(a, b)
}

func trackLabels(use *TopologyUse, labels []string) {
	for _, label := range labels {
		if key, _, stated := strings.Cut(label, "="); !stated {
			use.trackLabel(key)
		}
	}
}

// labelRank returns the number of labels from the first one that the endpoint does not match. The endpoint must
// have the value that the entry states (key=value), or else the client's value.
func labelRank(labels []string, from ClientTopology, e *mesh.Endpoint) int {
	for i, label := range labels {
		key, want, stated := strings.Cut(label, "=")
		if !stated {
			want = labelValue(key, from.Locality, from.Node, from.Labels.Get)
		}
		got := labelValue(key, e.Topology.Locality(), e.Topology.Node(), e.Label)
		if got != want && (stated || key != mesh.LabelRegion || !sameZone(from.Locality, e.Topology.Locality())) {
			return len(labels) - i
		}
	}
	return 0
}

// labelValue returns the value of a label. The topology labels have the values of the locality and node.
func labelValue(key string, l mesh.Locality, node string, label func(string) (string, bool)) string {
	switch key {
	case mesh.LabelRegion:
		return l.Region
	case mesh.LabelZone:
		return l.Zone
	case mesh.LabelSubZone:
		return l.SubZone
	case mesh.LabelHostname:
		return node
	}
	value, _ := label(key)
	return value
}
