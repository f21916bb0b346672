package clientrules

import (
	"math"
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// localityKey is a locality within a priority.
type localityKey struct {
	priority              uint32
	region, zone, subZone string
}

// assignmentChecker checks the localities of one ClusterLoadAssignment.
type assignmentChecker struct {
	*checker

	addresses  map[netip.AddrPort]struct{}
	localities map[localityKey]struct{}
	// priorities are the priorities of localities, whose key has the priority 0.
	priorities map[localityKey]uint32
	// weights are the sums of the locality weights by priority. Localities of weight 0 are not in it, because most
	// clients ignore them. all is the number of localities by priority, which includes these, because gRPC for Node
	// counts them.
	weights, all map[uint32]uint64
}

func (c *checker) loadAssignment(m *endpointv3.ClusterLoadAssignment) {
	a := assignmentChecker{c, map[netip.AddrPort]struct{}{}, map[localityKey]struct{}{}, map[localityKey]uint32{}, map[uint32]uint64{}, map[uint32]uint64{}}
	for _, locality := range m.GetEndpoints() {
		a.locality(locality)
	}
	for i := range uint32(len(a.weights)) {
		if _, ok := a.weights[i]; !ok {
			c.reject(inGo|inJava|inCore, "skips priority %d", i)
			break
		}
	}
	for i := range uint32(len(a.all)) {
		if _, ok := a.all[i]; !ok {
			c.reject(inNode, "skips priority %d", i)
			break
		}
	}
	for priority, sum := range a.weights {
		if sum > math.MaxUint32 {
			c.reject(notRust, "has localities of priority %d whose weights sum to %d", priority, sum)
		}
	}
	for _, drop := range m.GetPolicy().GetDropOverloads() {
		if drop.GetCategory() == "" || drop.GetDropPercentage() == nil {
			c.reject(inCore, "drops calls without a category or percentage")
		}
		c.denominator(drop.GetDropPercentage().GetDenominator())
	}
}

func (a *assignmentChecker) locality(m *endpointv3.LocalityLbEndpoints) {
	if m.GetLocality() == nil {
		a.reject(inGo|inCore|inNode, "has endpoints without a locality")
	}
	a.all[m.GetPriority()]++
	weight := uint64(m.GetLoadBalancingWeight().GetValue())
	where := localityKey{m.GetPriority(), m.GetLocality().GetRegion(), m.GetLocality().GetZone(), m.GetLocality().GetSubZone()}
	kinds := notRust
	if weight == 0 {
		kinds = inNode // The others ignore the locality.
	} else {
		a.weights[m.GetPriority()] += weight
	}
	if _, twice := a.localities[where]; twice {
		a.reject(kinds, "has the locality %s/%s/%s twice in priority %d", where.region, where.zone, where.subZone, where.priority)
	}
	a.localities[where] = struct{}{}
	place := where
	place.priority = 0
	if other, again := a.priorities[place]; again && other != where.priority && weight > 0 {
		// It takes the message, and forgets the endpoints of all priorities but the last: XdsEndpointResource has a map by locality.
		a.reject(inJava, "has the locality %s/%s/%s in the priorities %d and %d", where.region, where.zone, where.subZone, other, where.priority)
	}
	a.priorities[place] = where.priority
	sum := uint64(0)
	for _, e := range m.GetLbEndpoints() {
		sum += max(uint64(e.GetLoadBalancingWeight().GetValue()), 1)
		if e.GetLoadBalancingWeight() != nil && e.GetLoadBalancingWeight().GetValue() == 0 {
			a.reject(inGo|inCore, "has an endpoint of weight 0")
		}
		a.address(e.GetEndpoint().GetAddress())
		for _, other := range e.GetEndpoint().GetAdditionalAddresses() {
			a.address(other.GetAddress())
		}
	}
	if sum > math.MaxUint32 {
		a.reject(inGo, "has endpoints in one locality whose weights sum to %d", sum)
	}
}

func (a *assignmentChecker) address(m *corev3.Address) {
	text, port := m.GetSocketAddress().GetAddress(), m.GetSocketAddress().GetPortValue()
	if m.GetSocketAddress() == nil {
		a.reject(inJava|inCore|inNode|inRust, "has an endpoint without an address and port")
		return
	}
	if port > math.MaxUint16 {
		a.reject(inJava|inCore, "has the port %d", port)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		a.reject(inJava|inCore|inNode, "has the address %q, which is not an IP address", text)
		return
	}
	at := netip.AddrPortFrom(address, uint16(port))
	if _, twice := a.addresses[at]; twice {
		a.reject(inGo|inCore|inNode, "has the address %s twice", at)
	}
	a.addresses[at] = struct{}{}
}
