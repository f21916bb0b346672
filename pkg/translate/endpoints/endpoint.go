package endpoints

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Translate makes a ClusterLoadAssignment for each port of the Service, with and without each subset. The endpoints that
// take calls only over the mesh's TLS have another one, unless a DestinationRule says how to call all of them.
func Translate(in Input) []resource.Resource {
	if in.service == nil {
		return nil
	}
	var all []resource.Resource
	endpoints := callableEndpoints(in)
	for _, port := range in.service.Ports {
		for _, subset := range policy.SubsetsAndWhole(in.destinationRule) {
			name := resource.ClusterName(port.Number, policy.SubsetName(subset), in.service.Host)
			serving := servingEndpoints(endpoints, port, subset, in.taking(mesh.ServerPlaintext, subset, port))
			all = append(all, in.assignment(name, serving, subset, port))
			if taking := in.taking(mesh.ServerMTLS, subset, port); taking != nil {
				if serving := servingEndpoints(endpoints, port, subset, taking); len(serving) > 0 {
					all = append(all, in.assignment(resource.MTLSCluster(name), serving, subset, port))
				}
			}
		}
	}
	return all
}

// taking returns which endpoints are called in that way; nil if all are called in the same way.
func (in Input) taking(security mesh.ServerSecurity, subset *mesh.Subset, port mesh.Port) func(e *mesh.Endpoint, number uint32) bool {
	if !in.secured || policy.SettingsFor(nil, in.encryptedBy, subset, port.Number).TLS != nil {
		return nil
	}
	return func(e *mesh.Endpoint, number uint32) bool {
		return e.Security(in.family.Calling(port.Protocol), number) == security
	}
}

// assignment arranges the serving endpoints of a port and subset for the clients.
func (in Input) assignment(name string, serving []lbEndpoint, subset *mesh.Subset, port mesh.Port) resource.Resource {
	s := policy.SettingsFor(nil, in.destinationRule, subset, port.Number)
	s.Annotations = policy.AnnotationsFor(nil, in.service, in.destinationRule)
	groups := arrange(preferenceFor(s, in.service), in.topology, serving)
	if in.missing.Has(mesh.FeaturePriority) {
		groups = firstPriority(groups)
	}
	groups = applySubsetting(groups, s.Annotations.SubsetSize.Value, in.topology.Bucket)
	var cla *endpointv3.ClusterLoadAssignment
	// HTTP clients balance by the weights of endpoints whatever the policy is, and gRPC clients only on a ring.
	if in.family.IsHTTP() || usesRing(in.destinationRule, subset, port.Number) || policy.PicksFirst(s) {
		cla = loadAssignment(name, groups)
		setRingWeights(cla, groups)
		setLabels(cla, groups, in.labels)
	} else {
		cla = loadAssignment(name, splitByWeight(groups))
	}
	if len(groups) == 0 && in.missing.Has(mesh.FeatureEmptyAssignment) {
		cla = resource.EmptyAssignment(name, in.missing)
	}
	return resource.Resource{
		Name: name, Message: cla, Refs: endpointRefs(in.service, subset, s), Origins: s.EndpointOrigins(subset, len(cla.GetEndpoints())),
	}
}

// endpointRefs returns the objects that an assignment is made from. The rules come first, because a rejection is
// more likely caused by them.
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

// lbEndpoint is an endpoint on one port.
type lbEndpoint struct {
	primary, additional netip.AddrPort
	endpoint            *mesh.Endpoint
	// rank is the rank of its group; groupEndpoints sets it.
	rank int
}

// servingEndpoints returns the endpoints that get calls: the Ready ones or, if there are none, the Draining ones.
// Every address and port occurs once, because clients reject repetitions. The result is sorted by locality and
// address. taking selects among them by how they take calls, and may be nil.
func servingEndpoints(set *mesh.EndpointSet, port mesh.Port, subset *mesh.Subset, taking func(*mesh.Endpoint, uint32) bool) []lbEndpoint {
	if set == nil {
		return nil
	}
	found := endpointsIn(set, mesh.Ready, port, subset, taking)
	if len(found) == 0 {
		found = endpointsIn(set, mesh.Draining, port, subset, taking)
	}
	slices.SortFunc(found, func(a, b lbEndpoint) int {
		return cmp.Or(compareLocality(a.endpoint.Topology.Locality(), b.endpoint.Topology.Locality()), a.primary.Compare(b.primary), a.additional.Compare(b.additional))
	})
	return dedupe(found)
}

func endpointsIn(set *mesh.EndpointSet, health mesh.Health, port mesh.Port, subset *mesh.Subset, taking func(*mesh.Endpoint, uint32) bool) []lbEndpoint {
	found := make([]lbEndpoint, 0, len(set.Endpoints))
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		number, ok := e.Port(port.Name)
		if e.Health != health || !ok || number == 0 || number > math.MaxUint16 || !policy.Selects(subset, e) || taking != nil && !taking(e, number) {
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

// addressPort returns an invalid value unless the text is an IP address without a zone. Host names are invalid
// because clients other than gRPC Go reject them.
func addressPort(text string, port uint16) netip.AddrPort {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.Unmap(), port)
}

// dedupe drops endpoints whose primary address occurred before, and clears additional addresses that occurred
// before. Primary addresses come first, so that no endpoint is dropped because of another endpoint's additional
// address.
func dedupe(all []lbEndpoint) []lbEndpoint {
	seen := make(map[netip.AddrPort]struct{}, len(all))
	add := func(a netip.AddrPort) bool {
		_, known := seen[a]
		seen[a] = struct{}{}
		return !known
	}
	kept := slices.DeleteFunc(all, func(b lbEndpoint) bool { return !add(b.primary) })
	for i := range kept {
		if kept[i].additional.IsValid() && !add(kept[i].additional) {
			kept[i].additional = netip.AddrPort{}
		}
	}
	return kept
}

// firstPriority returns the groups of the first rank, for clients that ignore priorities.
func firstPriority(groups []localityGroup) []localityGroup {
	beyond := slices.IndexFunc(groups, func(g localityGroup) bool { return g.rank != groups[0].rank })
	if beyond < 0 {
		return groups
	}
	return groups[:beyond]
}

// loadAssignment makes the message from groups that are sorted by rank. The ranks become priorities 0, 1, 2 and so
// on, because clients reject a message that skips a priority.
func loadAssignment(name string, groups []localityGroup) *endpointv3.ClusterLoadAssignment {
	cla := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	priority := uint32(0)
	for i, g := range groups {
		if i > 0 && g.rank != groups[i-1].rank {
			priority++
		}
		here := g.locality()
		if priority > 0 && slices.ContainsFunc(groups[:i], func(before localityGroup) bool { return before.locality() == here }) {
			// Of a locality in two priorities, gRPC for Java keeps only the endpoints of the last one.
			here.SubZone += "~" + strconv.FormatUint(uint64(priority), 10)
		}
		locality := &endpointv3.LocalityLbEndpoints{
			// Both are always set: clients reject endpoints without a locality, and ignore a locality without a
			// weight.
			Locality:            &corev3.Locality{Region: here.Region, Zone: here.Zone, SubZone: here.SubZone},
			LoadBalancingWeight: wrapperspb.UInt32(g.weight),
			Priority:            priority,
		}
		locality.LbEndpoints = lbEndpoints(g.endpoints)
		cla.Endpoints = append(cla.Endpoints, locality)
	}
	return cla
}

// endpointMessages has all messages of one endpoint. There are more endpoints than anything else, so the messages
// of a group are allocated together.
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

// unitWeight is the weight of all endpoints, unless setRingWeights replaces it.
var unitWeight = wrapperspb.UInt32(1)

func lbEndpoints(endpoints []lbEndpoint) []*endpointv3.LbEndpoint {
	messages, all := make([]endpointMessages, len(endpoints)), make([]*endpointv3.LbEndpoint, len(endpoints))
	for i, b := range endpoints {
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

// setLabels adds those labels of the pods that have one of the keys. The localities of cla must be those of groups, in
// the same order.
func setLabels(cla *endpointv3.ClusterLoadAssignment, groups []localityGroup, keys mesh.LabelKeys) {
	if keys == "" {
		return
	}
	for i, locality := range cla.GetEndpoints() {
		for j, e := range locality.GetLbEndpoints() {
			if labels := keys.Of(groups[i].endpoints[j].endpoint.Labels); len(labels) > 0 {
				e.Metadata = resource.Metadata(map[string]*structpb.Value{"labels": resource.LabelsValue(labels)})
			}
		}
	}
}
