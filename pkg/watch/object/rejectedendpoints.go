package object

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Limits of an EndpointSlice.
const (
	maxSliceEndpoints = 1000
	maxSlicePorts     = 20_000
	maxAddresses      = 100
	maxHints          = 8
)

// rejectEndpointSlice adds why every API server rejects an EndpointSlice.
func rejectEndpointSlice(s *discoveryv1.EndpointSlice, r *rejections) {
	r.rules(rule{s.AddressType == "", field.NewPath("addressType"), nil, "write IPv4 or IPv6"})
	r.most(field.NewPath("endpoints"), len(s.Endpoints), maxSliceEndpoints)
	r.most(field.NewPath("ports"), len(s.Ports), maxSlicePorts)
	if len(r.all) > 0 {
		return
	}
	var names []string
	for i := range s.Ports {
		p, at := &s.Ports[i], field.NewPath("ports").Index(i)
		rejectPortName(r, at, deref(p.Name), p.AppProtocol, 1)
		once(r, at.Child("name"), deref(p.Name), &names)
		r.rules(rule{p.Protocol != nil && *p.Protocol == "", at.Child("protocol"), nil, "write TCP, UDP or SCTP"})
	}
	for i := range s.Endpoints {
		rejectEndpoint(r, field.NewPath("endpoints").Index(i), &s.Endpoints[i], s.AddressType)
	}
}

func rejectEndpoint(r *rejections, at *field.Path, e *discoveryv1.Endpoint, addressType discoveryv1.AddressType) {
	r.rules(rule{len(e.Addresses) == 0, at.Child("addresses"), nil, "an endpoint needs an address"})
	r.most(at.Child("addresses"), len(e.Addresses), maxAddresses)
	for i, text := range e.Addresses {
		at := at.Child("addresses").Index(i)
		if addressType == discoveryv1.AddressTypeFQDN {
			r.all = append(r.all, validation.IsFullyQualifiedDomainName(at, text)...)
			continue
		}
		r.reachable(at, text)
		if ip, err := netip.ParseAddr(text); err == nil {
			r.rules(rule{ip.Is4() != (addressType == discoveryv1.AddressTypeIPv4), at, text, "must be of addressType " + string(addressType)})
		}
	}
	r.nodeName(at, e.NodeName)
	if e.Hostname != nil {
		r.texts(at.Child("hostname"), *e.Hostname, validation.IsDNS1123Label(*e.Hostname))
	}
	if e.Hints == nil {
		return
	}
	zones, nodes := at.Child("hints", "forZones"), at.Child("hints", "forNodes")
	r.most(zones, len(e.Hints.ForZones), maxHints)
	r.most(nodes, len(e.Hints.ForNodes), maxHints)
	var names []string
	for i, z := range e.Hints.ForZones {
		once(r, zones.Index(i).Child("name"), z.Name, &names)
		r.texts(zones.Index(i).Child("name"), z.Name, validation.IsValidLabelValue(z.Name))
	}
	names = nil
	for i, n := range e.Hints.ForNodes {
		once(r, nodes.Index(i).Child("name"), n.Name, &names)
		r.texts(nodes.Index(i).Child("name"), n.Name, validation.IsDNS1123Subdomain(n.Name))
	}
}

func (r *rejections) nodeName(at *field.Path, name *string) {
	if name != nil {
		r.texts(at.Child("nodeName"), *name, validation.IsDNS1123Subdomain(*name))
	}
}

// rejectEndpoints adds why every API server rejects an Endpoints object.
//
//nolint:staticcheck // Services without a selector may still have nothing but an Endpoints object.
func rejectEndpoints(e *corev1.Endpoints, r *rejections) {
	for i := range e.Subsets {
		subset, at := &e.Subsets[i], field.NewPath("subsets").Index(i)
		r.rules(rule{len(subset.Addresses)+len(subset.NotReadyAddresses) == 0, at, nil, "write addresses or notReadyAddresses"})
		for list, addresses := range map[string][]corev1.EndpointAddress{"addresses": subset.Addresses, "notReadyAddresses": subset.NotReadyAddresses} {
			for j := range addresses {
				a, at := &addresses[j], at.Child(list).Index(j)
				r.reachable(at.Child("ip"), a.IP)
				r.optional(at.Child("hostname"), a.Hostname, validation.IsDNS1123Label)
				r.nodeName(at, a.NodeName)
			}
		}
		for j := range subset.Ports {
			p, at := &subset.Ports[j], at.Child("ports").Index(j)
			rejectPortName(r, at, p.Name, p.AppProtocol, len(subset.Ports))
			r.texts(at.Child("port"), p.Port, validation.IsValidPortNum(int(p.Port)))
		}
	}
}
