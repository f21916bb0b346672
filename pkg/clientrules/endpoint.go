package clientrules

import (
	"math"
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// localityKey is a locality within a priority.
type localityKey struct {
	priority             uint32
	region, zone, subset string
}

// assignmentChecker looks at the localities of one assignment.
type assignmentChecker struct {
	*checker

	addresses  map[netip.AddrPort]struct{}
	localities map[localityKey]struct{}
	// weights are the sums by priority. A locality that weighs nothing is not counted by some clients, and by gRPC for Node it is.
	weights, all map[uint32]uint64
}

func (l *checker) loadAssignment(m *endpointv3.ClusterLoadAssignment) {
	g := assignmentChecker{l, map[netip.AddrPort]struct{}{}, map[localityKey]struct{}{}, map[uint32]uint64{}, map[uint32]uint64{}}
	for _, locality := range m.GetEndpoints() {
		g.locality(locality)
	}
	for i := range uint32(len(g.weights)) {
		if _, ok := g.weights[i]; !ok {
			l.reject(inGo|inJava|inCore, "skips priority %d", i)
			break
		}
	}
	for i := range uint32(len(g.all)) {
		if _, ok := g.all[i]; !ok {
			l.reject(inNode, "skips priority %d", i)
			break
		}
	}
	for priority, sum := range g.weights {
		if sum > math.MaxUint32 {
			l.reject(notRust, "has localities of priority %d whose weights sum to %d", priority, sum)
		}
	}
	for _, drop := range m.GetPolicy().GetDropOverloads() {
		if drop.GetCategory() == "" || drop.GetDropPercentage() == nil {
			l.reject(inCore, "drops calls without a category or percentage")
		}
		l.denominator(drop.GetDropPercentage().GetDenominator())
	}
}

func (g *assignmentChecker) locality(m *endpointv3.LocalityLbEndpoints) {
	if m.GetLocality() == nil {
		g.reject(inGo|inCore|inNode, "has endpoints without a locality")
	}
	g.all[m.GetPriority()]++
	weight := uint64(m.GetLoadBalancingWeight().GetValue())
	where := localityKey{m.GetPriority(), m.GetLocality().GetRegion(), m.GetLocality().GetZone(), m.GetLocality().GetSubZone()}
	kinds := notRust
	if weight == 0 {
		kinds = inNode // The others do not look into it.
	} else {
		g.weights[m.GetPriority()] += weight
	}
	if _, twice := g.localities[where]; twice {
		g.reject(kinds, "has the locality %s/%s/%s twice in priority %d", where.region, where.zone, where.subset, where.priority)
	}
	g.localities[where] = struct{}{}
	sum := uint64(0)
	for _, e := range m.GetLbEndpoints() {
		sum += max(uint64(e.GetLoadBalancingWeight().GetValue()), 1)
		if e.GetLoadBalancingWeight() != nil && e.GetLoadBalancingWeight().GetValue() == 0 {
			g.reject(inGo|inCore, "has an endpoint of weight 0")
		}
		g.address(e.GetEndpoint().GetAddress())
		for _, other := range e.GetEndpoint().GetAdditionalAddresses() {
			g.address(other.GetAddress())
		}
	}
	if sum > math.MaxUint32 {
		g.reject(inGo, "has endpoints in one locality whose weights sum to %d", sum)
	}
}

func (g *assignmentChecker) address(m *corev3.Address) {
	text, port := m.GetSocketAddress().GetAddress(), m.GetSocketAddress().GetPortValue()
	if m.GetSocketAddress() == nil {
		g.reject(inJava|inCore|inNode|inRust, "has an endpoint without an address and port")
		return
	}
	if port > math.MaxUint16 {
		g.reject(inJava|inCore, "has the port %d", port)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		g.reject(inJava|inCore|inNode, "has the address %q, which is not an IP address", text)
		return
	}
	at := netip.AddrPortFrom(address, uint16(port))
	if _, twice := g.addresses[at]; twice {
		g.reject(inGo|inCore|inNode, "has the address %s twice", at)
	}
	g.addresses[at] = struct{}{}
}
