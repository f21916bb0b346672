package endpoints

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Translate makes the ClusterLoadAssignments.
func Translate(in Input) []resource.Resource {
	if in.service == nil {
		return nil
	}
	var all []resource.Resource
	endpoints := callableEndpoints(in)
	for _, port := range in.service.Ports {
		for _, subset := range policy.SubsetsAndWhole(in.destinationRule) {
			name := resource.ClusterName(port.Number, policy.SubsetName(subset), in.service.Host)
			s := policy.SettingsFor(nil, in.destinationRule, subset, port.Number)
			s.Annotations = policy.AnnotationsFor(nil, in.service, in.destinationRule)
			groups := arrange(preferenceFor(s, in.service), in.topology, servingEndpoints(endpoints, port, subset))
			if in.missing.Has(mesh.FeaturePriority) {
				groups = firstPriority(groups)
			}
			groups = applySubsetting(groups, s.Annotations.SubsetSize.Value, in.topology.Bucket)
			var cla *endpointv3.ClusterLoadAssignment
			if usesRing(in.destinationRule, subset, port.Number) || policy.PicksFirst(s) {
				cla = loadAssignment(name, groups)
				setRingWeights(cla, groups)
			} else {
				cla = loadAssignment(name, splitByWeight(groups))
			}
			all = append(all, resource.Resource{
				Name: name, Message: cla, Refs: endpointRefs(in.service, subset, s), Origins: s.EndpointOrigins(subset, len(cla.GetEndpoints())),
			})
		}
	}
	return all
}

// endpointRefs are the objects that make an assignment: the rules first, being the likelier to be at fault.
func endpointRefs(service *mesh.Service, subset *mesh.Subset, s policy.Settings) []mesh.Ref {
	var refs []mesh.Ref
	if subset != nil {
		refs = append(refs, subset.Ref)
	}
	lb := s.LoadBalancer
	concerned := lb.GetLocalityLbSetting() != nil || lb.GetZoneAwareLbSetting() != nil || lb.GetConsistentHash() != nil
	if rule := s.LoadBalancerAt.Ref; concerned && !slices.Contains(refs, rule) {
		refs = append(refs, rule)
	}
	refs = s.Annotations.AddRefs(refs)
	if slices.Contains(refs, service.Ref) {
		return refs
	}
	return append(refs, service.Ref)
}

// lbEndpoint is an endpoint as seen on one port.
type lbEndpoint struct {
	primary, additional netip.AddrPort
	endpoint            *mesh.Endpoint
	// rank is that of the group it comes into.
	rank int
}

// servingEndpoints picks the endpoints that take calls: the ready ones or, with none of them left, those that still
// serve while they terminate. Every address and port appears once, for clients refuse a repetition. The result is
// sorted.
func servingEndpoints(set *mesh.EndpointSet, port mesh.Port, subset *mesh.Subset) []lbEndpoint {
	if set == nil {
		return nil
	}
	found := endpointsIn(set, mesh.Ready, port, subset)
	if len(found) == 0 {
		found = endpointsIn(set, mesh.Draining, port, subset)
	}
	slices.SortFunc(found, func(a, b lbEndpoint) int {
		return cmp.Or(compareLocality(a.endpoint.Topology.Locality(), b.endpoint.Topology.Locality()), a.primary.Compare(b.primary), a.additional.Compare(b.additional))
	})
	return dedupe(found)
}

func endpointsIn(set *mesh.EndpointSet, health mesh.Health, port mesh.Port, subset *mesh.Subset) []lbEndpoint {
	found := make([]lbEndpoint, 0, len(set.Endpoints))
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		number, ok := e.Port(port.Name)
		if e.Health != health || !ok || number == 0 || number > math.MaxUint16 || !policy.Selects(subset, e) {
			continue
		}
		b := lbEndpoint{
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

// addressPort is invalid unless the text is an IP address that has a meaning beyond one machine: clients other than
// Go's refuse host names.
func addressPort(text string, port uint16) netip.AddrPort {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), port)
}

// dedupe drops an endpoint whose primary address is taken already, and an additional address that is. Primary
// addresses come first: no endpoint is lost to another's second address.
func dedupe(all []lbEndpoint) []lbEndpoint {
	taken := make(map[netip.AddrPort]struct{}, len(all))
	take := func(a netip.AddrPort) bool {
		_, known := taken[a]
		taken[a] = struct{}{}
		return !known
	}
	kept := slices.DeleteFunc(all, func(b lbEndpoint) bool { return !take(b.primary) })
	for i := range kept {
		if kept[i].additional.IsValid() && !take(kept[i].additional) {
			kept[i].additional = netip.AddrPort{}
		}
	}
	return kept
}

// firstPriority are the groups of the first rank, for clients that would call all of them alike.
func firstPriority(groups []localityGroup) []localityGroup {
	beyond := slices.IndexFunc(groups, func(g localityGroup) bool { return g.rank != groups[0].rank })
	if beyond < 0 {
		return groups
	}
	return groups[:beyond]
}

// loadAssignment writes the groups, which are in order. Their ranks become priorities, which clients want to count
// from 0 without a missing feature.
func loadAssignment(name string, groups []localityGroup) *endpointv3.ClusterLoadAssignment {
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
		locality.LbEndpoints = lbEndpoints(g.endpoints)
		cla.Endpoints = append(cla.Endpoints, locality)
	}
	return cla
}

// endpointMessages are those that one endpoint consists of. There are more endpoints than anything else, so those
// of a group are made in one piece.
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

// unitWeight is the weight of an endpoint that has none of its own.
var unitWeight = wrapperspb.UInt32(1)

func lbEndpoints(backends []lbEndpoint) []*endpointv3.LbEndpoint {
	messages, all := make([]endpointMessages, len(backends)), make([]*endpointv3.LbEndpoint, len(backends))
	for i, b := range backends {
		m := &messages[i]
		m.endpoint.Address = m.socketAddress(b.primary)
		if b.additional.IsValid() {
			m.endpoint.AdditionalAddresses = []*endpointv3.Endpoint_AdditionalAddress{{Address: new(addressMessages).socketAddress(b.additional)}}
		}
		m.either.Endpoint = &m.endpoint
		m.whole.HostIdentifier, m.whole.HealthStatus, m.whole.LoadBalancingWeight = &m.either, corev3.HealthStatus_HEALTHY, unitWeight
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
