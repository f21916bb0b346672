package watch

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertEndpointSlice(s *discoveryv1.EndpointSlice, _ string) object {
	out := newObject(KindEndpointSlice, &s.ObjectMeta)
	service := s.Labels[discoveryv1.LabelServiceName]
	if service == "" {
		return out
	}
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		out.report(mesh.CodeUnsupported, mesh.Warning, "addressType",
			"endpoints given by name are not served; give their IP addresses in a slice of type IPv4 or IPv6")
		return out
	}
	g := group{ports: slicePorts(s.Ports, &out)}
	if len(g.ports) > 0 {
		g.addresses = make([]address, 0, len(s.Endpoints))
		for i := range s.Endpoints {
			g.addresses = appendEndpoint(g.addresses, &s.Endpoints[i], i, &out)
		}
	}
	out.value = &slice{service: intern(service), groups: []group{g}, weight: weight(&s.ObjectMeta, &out)}
	return out
}

func slicePorts(ports []discoveryv1.EndpointPort, out *object) []mesh.Port {
	var all []mesh.Port
	for i, p := range ports {
		// A port without a number means all ports, which no Service port stands for.
		if p.Port == nil || p.Protocol != nil && !isTCP(*p.Protocol) || !isPort(*p.Port, fmt.Sprintf("ports[%d].port", i), out) {
			continue
		}
		all = append(all, mesh.Port{Name: intern(deref(p.Name)), Number: uint32(*p.Port)})
	}
	return sortPorts(all)
}

func sortPorts(ports []mesh.Port) []mesh.Port {
	slices.SortFunc(ports, comparePorts)
	return slices.Compact(ports)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func appendEndpoint(to []address, e *discoveryv1.Endpoint, i int, out *object) []address {
	a := address{
		spot:   mesh.MakeSpot(deref(e.NodeName), mesh.Locality{Zone: deref(e.Zone)}, hints(e.Hints)...),
		health: health(e.Conditions), hostname: intern(deref(e.Hostname)),
	}
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		a.pod, a.uid = e.TargetRef.Name, string(e.TargetRef.UID)
	}
	for j, text := range e.Addresses {
		to = appendAddress(to, a, text, out, addressField{"endpoints", i, "addresses", j})
	}
	return to
}

func health(c discoveryv1.EndpointConditions) mesh.Health {
	ready := c.Ready == nil || *c.Ready
	serving := ready
	if c.Serving != nil {
		serving = *c.Serving
	}
	switch {
	case serving && deref(c.Terminating):
		return mesh.Draining
	case ready: // of a Service that publishes addresses that are not ready, even when it terminates
		return mesh.Ready
	}
	return mesh.NotReady
}

// appendAddress adds a with the address of text, or reports that it is none.
func appendAddress(to []address, a address, text string, out *object, field addressField) []address {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.IsUnspecified() {
		out.report(mesh.CodeInvalidValue, mesh.Warning, field.String(),
			fmt.Sprintf("%q is left out; write an IP address without a zone", text))
		return to
	}
	ip = ip.Unmap()
	a.ip, a.ipv6 = ip.String(), ip.Is6()
	return append(to, a)
}

//nolint:staticcheck // Services without a selector may still have nothing but an Endpoints object.
func convertEndpoints(e *corev1.Endpoints, _ string) object {
	out := newObject(KindEndpoints, &e.ObjectMeta)
	value := &slice{service: e.Name, weight: weight(&e.ObjectMeta, &out)}
	for i := range e.Subsets {
		subset := &e.Subsets[i]
		var g group
		for j, p := range subset.Ports {
			if isTCP(p.Protocol) && isPort(p.Port, fmt.Sprintf("subsets[%d].ports[%d].port", i, j), &out) {
				g.ports = append(g.ports, mesh.Port{Name: intern(p.Name), Number: uint32(p.Port)})
			}
		}
		if len(g.ports) == 0 {
			continue
		}
		g.ports = sortPorts(g.ports)
		g.addresses = make([]address, 0, len(subset.Addresses)+len(subset.NotReadyAddresses))
		for j := range subset.Addresses {
			field := addressField{"subsets", i, "addresses", j}
			g.addresses = appendSubsetAddress(g.addresses, &subset.Addresses[j], mesh.Ready, &out, field)
		}
		for j := range subset.NotReadyAddresses {
			field := addressField{"subsets", i, "notReadyAddresses", j}
			g.addresses = appendSubsetAddress(g.addresses, &subset.NotReadyAddresses[j], mesh.NotReady, &out, field)
		}
		value.groups = append(value.groups, g)
	}
	out.value = value
	return out
}

func appendSubsetAddress(to []address, e *corev1.EndpointAddress, h mesh.Health, out *object, field addressField) []address {
	a := address{spot: mesh.MakeSpot(deref(e.NodeName), mesh.Locality{}), health: h, hostname: intern(e.Hostname)}
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		a.pod, a.uid = e.TargetRef.Name, string(e.TargetRef.UID)
	}
	return appendAddress(to, a, e.IP, out, field)
}

// addressField is the path of an address, spelled out only when there is something to report of it.
type addressField struct {
	list string
	i    int
	part string
	j    int
}

func (f addressField) String() string { return fmt.Sprintf("%s[%d].%s[%d]", f.list, f.i, f.part, f.j) }
