package endpoints

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// The labels that mean where a workload runs, whatever its own labels are.
const (
	labelRegion   = "topology.kubernetes.io/region"
	labelZone     = "topology.kubernetes.io/zone"
	labelSubZone  = "topology.istio.io/subzone"
	labelHostname = "kubernetes.io/hostname"
)

// preference is a wish for some endpoints of a host over others.
type preference interface {
	// track tells what about clients matters to it.
	track(s *TopologyUse)
	// arrange puts sorted endpoints into groups, the most preferred first.
	arrange(from ClientTopology, all []lbEndpoint) []localityGroup
}

// localityGroup is the endpoints of one locality and one rank. Those of a higher rank stand by until all of a lower
// one are out of reach; groups of one rank share the calls by weight.
type localityGroup struct {
	rank   int
	weight uint32
	// fixedWeight says that the weight is a share of the calls that is due to the place; else it is that of the
	// endpoints.
	fixedWeight bool
	endpoints   []lbEndpoint
	// endpointWeight is what each of the endpoints weighs, in a group of those alone.
	endpointWeight uint32
}

// groupsByRank are the groups of each rank. They are in order.
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

// preferenceFor finds what holds for one port and subset: the rule's word before the Service's. It is nil when all
// endpoints are alike, which is so unless somebody asks for more.
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

// arrange treats all endpoints alike when nothing is preferred.
func arrange(p preference, from ClientTopology, all []lbEndpoint) []localityGroup {
	if p == nil {
		return groupEndpoints(all, func(*mesh.Endpoint) int { return 0 })
	}
	return p.arrange(from, all)
}

// groupEndpoints joins the endpoints of one rank and locality. A group weighs as much as its endpoints, so that
// each gets its part of the calls: an equal one, unless they have weights. all is sorted by locality, and is sorted
// by rank too.
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

// failover is localityLbSetting without distribute: endpoints of the client's own sub-zone, zone and region come
// first, in this order. With labels, those that agree in most of the first ones do, and localities only count where
// regions are given.
type failover struct {
	labels  []string
	regions map[string]string
}

// regionPair is an entry of a failover list.
type regionPair interface {
	GetFrom() string
	GetTo() string
}

// failoverRegions finds for each region the one that stands by for it. The first word on a region holds.
func failoverRegions[F regionPair](list []F) map[string]string {
	regions := map[string]string{}
	for _, f := range list {
		if _, ok := regions[f.GetFrom()]; !ok && f.GetFrom() != "" {
			regions[f.GetFrom()] = f.GetTo()
		}
	}
	return regions
}

func (f failover) track(s *TopologyUse) {
	trackLabels(s, f.labels)
	if len(f.labels) == 0 || len(f.regions) > 0 {
		s.trackLocality()
	}
	for from := range f.regions {
		s.regions.add(from)
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

// localityDistance tells how far an endpoint is from a client, from 0 to 4. A sub-zone that the client does not
// state does not count.
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

// sameZone says whether two places are in one zone. Regions are not known where nodes may not be read; then the
// zone is enough.
func sameZone(a, b mesh.Locality) bool {
	return a.Zone != "" && a.Zone == b.Zone && (a.Region == b.Region || a.Region == "" || b.Region == "")
}

func sameRegion(a, b mesh.Locality) bool {
	return a.Region != "" && a.Region == b.Region || sameZone(a, b)
}

func trackLabels(s *TopologyUse, labels []string) {
	for _, label := range labels {
		if key, _, stated := strings.Cut(label, "="); !stated {
			s.trackLabel(key)
		}
	}
}

// labelRank counts the labels from the first one that an endpoint does not have as wished: a value, or the client's
// own.
func labelRank(labels []string, from ClientTopology, e *mesh.Endpoint) int {
	for i, label := range labels {
		key, want, stated := strings.Cut(label, "=")
		if !stated {
			want = place(key, from.Locality, from.Node, from.Labels)
		}
		got := place(key, e.Topology.Locality(), e.Topology.Node(), e.Labels)
		if got != want && (stated || key != labelRegion || !sameZone(from.Locality, e.Topology.Locality())) {
			return len(labels) - i
		}
	}
	return 0
}

// place is the value of a label, which some have because of where they run.
func place(key string, l mesh.Locality, node string, labels mesh.Labels) string {
	switch key {
	case labelRegion:
		return l.Region
	case labelZone:
		return l.Zone
	case labelSubZone:
		return l.SubZone
	case labelHostname:
		return node
	}
	value, _ := labels.Get(key)
	return value
}
