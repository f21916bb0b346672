package translate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Endpoints translates the endpoints of one host: a ClusterLoadAssignment for each port of the Service and each subset
// besides, empty ones included. in is not changed.
func Endpoints(in EndpointInput) *Bundle {
	b := &Bundle{}
	if in.service == nil {
		return b
	}
	endpoints := callable(in)
	for _, port := range in.service.Ports {
		for _, subset := range parts(in.policy) {
			name := ClusterName(port.Number, subsetName(subset), in.service.Host)
			s := settingsFor(nil, in.policy, subset, port.Number)
			s.wishes = wishesFor(nil, in.service, in.policy)
			groups := arrange(preferenceFor(s, in.service), in.vantage, serving(endpoints, port, subset))
			if in.gaps.Has(mesh.GapPriority) {
				groups = foremost(groups)
			}
			groups = portion(groups, s.wishes.SubsetSize.Value, in.vantage.Bucket)
			var cla *endpointv3.ClusterLoadAssignment
			if ringed(in.policy, subset, port.Number) || picksFirst(s) {
				cla = assignment(name, groups)
				spreadOnRing(cla, groups)
			} else {
				cla = assignment(name, splitByWeight(groups))
			}
			b.Endpoints = append(b.Endpoints, Resource{
				Name: name, Message: cla, Refs: endpointOrigins(in.service, subset, s), Parts: s.endpointParts(subset, len(cla.GetEndpoints())),
			})
		}
	}
	return b
}

// endpointOrigins are the objects that make an assignment: the rules first, being the likelier to be at fault.
func endpointOrigins(service *mesh.Service, subset *mesh.Subset, s settings) []mesh.Ref {
	var refs []mesh.Ref
	if subset != nil {
		refs = append(refs, subset.Ref)
	}
	lb := s.loadBalancer
	concerned := lb.GetLocalityLbSetting() != nil || lb.GetZoneAwareLbSetting() != nil || lb.GetConsistentHash() != nil
	if rule := s.loadBalancerAt.ref; concerned && !slices.Contains(refs, rule) {
		refs = append(refs, rule)
	}
	refs = s.wishes.concern(refs)
	if slices.Contains(refs, service.Ref) {
		return refs
	}
	return append(refs, service.Ref)
}

// backend is an endpoint as seen on one port.
type backend struct {
	primary, additional netip.AddrPort
	endpoint            *mesh.Endpoint
	// rank is that of the group it comes into.
	rank int
}

// serving picks the endpoints that take calls: the ready ones or, with none of them left, those that still serve while they
// terminate. Every address and port appears once, for clients refuse a repetition. The result is sorted.
func serving(set *mesh.EndpointSet, port mesh.Port, subset *mesh.Subset) []backend {
	if set == nil {
		return nil
	}
	found := backends(set, mesh.Ready, port, subset)
	if len(found) == 0 {
		found = backends(set, mesh.Draining, port, subset)
	}
	slices.SortFunc(found, func(a, b backend) int {
		return cmp.Or(compareLocality(a.endpoint.Spot.Locality(), b.endpoint.Spot.Locality()), a.primary.Compare(b.primary), a.additional.Compare(b.additional))
	})
	return distinct(found)
}

func backends(set *mesh.EndpointSet, health mesh.Health, port mesh.Port, subset *mesh.Subset) []backend {
	found := make([]backend, 0, len(set.Endpoints))
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		number, ok := e.Port(port.Name)
		if e.Health != health || !ok || number == 0 || number > math.MaxUint16 || !selects(subset, e) {
			continue
		}
		b := backend{
			primary:    addressPort(e.Address, uint16(number)),
			additional: addressPort(e.Additional, uint16(number)),
			endpoint:   e,
		}
		if b.primary.IsValid() {
			found = append(found, b)
		}
	}
	return found
}

// addressPort is invalid unless the text is an IP address that has a meaning beyond one machine: clients other than Go's
// refuse host names.
func addressPort(text string, port uint16) netip.AddrPort {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), port)
}

// distinct drops an endpoint whose primary address is taken already, and an additional address that is. Primary addresses
// come first: no endpoint is lost to another's second address.
func distinct(all []backend) []backend {
	taken := make(map[netip.AddrPort]struct{}, len(all))
	take := func(a netip.AddrPort) bool {
		_, known := taken[a]
		taken[a] = struct{}{}
		return !known
	}
	kept := slices.DeleteFunc(all, func(b backend) bool { return !take(b.primary) })
	for i := range kept {
		if kept[i].additional.IsValid() && !take(kept[i].additional) {
			kept[i].additional = netip.AddrPort{}
		}
	}
	return kept
}

// foremost are the groups of the first rank, for clients that would call all of them alike.
func foremost(groups []group) []group {
	beyond := slices.IndexFunc(groups, func(g group) bool { return g.rank != groups[0].rank })
	if beyond < 0 {
		return groups
	}
	return groups[:beyond]
}

// assignment writes the groups, which are in order. Their ranks become priorities, which clients want to count from 0 without
// a gap.
func assignment(name string, groups []group) *endpointv3.ClusterLoadAssignment {
	cla := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	priority := uint32(0)
	for i, g := range groups {
		if i > 0 && g.rank != groups[i-1].rank {
			priority++
		}
		here := g.locality()
		locality := &endpointv3.LocalityLbEndpoints{
			// Written in full: clients refuse a locality without this message, and ignore one without a weight.
			Locality:            &corev3.Locality{Region: here.Region, Zone: here.Zone, SubZone: here.SubZone},
			LoadBalancingWeight: wrapperspb.UInt32(g.weight),
			Priority:            priority,
		}
		locality.LbEndpoints = lbEndpoints(g.backends)
		cla.Endpoints = append(cla.Endpoints, locality)
	}
	return cla
}

// endpointMessages are those that one endpoint consists of. There are more endpoints than anything else, so those of a group are made in
// one piece.
type endpointMessages struct {
	whole    endpointv3.LbEndpoint
	endpoint endpointv3.Endpoint
	either   endpointv3.LbEndpoint_Endpoint
	addressMessages
}

type addressMessages struct {
	address corev3.Address
	kind    corev3.Address_SocketAddress
	socket  corev3.SocketAddress
	port    corev3.SocketAddress_PortValue
}

// lightest is the weight of an endpoint that has none of its own.
var lightest = wrapperspb.UInt32(1)

func lbEndpoints(backends []backend) []*endpointv3.LbEndpoint {
	messages, all := make([]endpointMessages, len(backends)), make([]*endpointv3.LbEndpoint, len(backends))
	for i, b := range backends {
		m := &messages[i]
		m.endpoint.Address = m.socketAddress(b.primary)
		if b.additional.IsValid() {
			m.endpoint.AdditionalAddresses = []*endpointv3.Endpoint_AdditionalAddress{{Address: new(addressMessages).socketAddress(b.additional)}}
		}
		m.either.Endpoint = &m.endpoint
		m.whole.HostIdentifier, m.whole.HealthStatus, m.whole.LoadBalancingWeight = &m.either, corev3.HealthStatus_HEALTHY, lightest
		all[i] = &m.whole
	}
	return all
}

func (m *addressMessages) socketAddress(a netip.AddrPort) *corev3.Address {
	m.port.PortValue = uint32(a.Port())
	m.socket.Address, m.socket.PortSpecifier = a.Addr().String(), &m.port
	m.kind.SocketAddress = &m.socket
	m.address.Address = &m.kind
	return &m.address
}

func compareLocality(a, b mesh.Locality) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.SubZone, b.SubZone))
}
