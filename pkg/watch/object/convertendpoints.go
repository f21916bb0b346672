package object

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// LabelServiceName is the label of an EndpointSlice that names its Service.
const LabelServiceName = discoveryv1.LabelServiceName

func convertEndpointSlice(s *discoveryv1.EndpointSlice, _ string) Object {
	out := newObject(KindEndpointSlice, &s.ObjectMeta)
	service, mislabeled := s.Labels[discoveryv1.LabelServiceName], ""
	imported, isImported := s.Labels[multiclusterServiceName]
	isImported = isImported && service == ""
	switch {
	case isImported:
		service = imported
	case service == "":
		mislabeled = reportUnowned(s.Labels, &out)
	}
	if s.AddressType == discoveryv1.AddressTypeFQDN {
		out.Report(mesh.CodeUnsupported, mesh.Warning, "addressType",
			"Endpoints with DNS names are not supported. They are left out. Use IP addresses in a slice of type IPv4 or IPv6.")
		return out
	}
	g := Group{Ports: slicePorts(s.Ports, &out)}
	if len(g.Ports) > 0 {
		g.Addresses = make([]Address, 0, len(s.Endpoints))
		for i := range s.Endpoints {
			g.Addresses = appendEndpoint(g.Addresses, &s.Endpoints[i], i, &out)
		}
	}
	value := &Slice{Service: Intern(service), Mislabeled: mislabeled, Groups: []Group{g}, Weight: weight(&s.ObjectMeta, &out)}
	if isImported {
		value.importedFrom(Intern(s.Labels[multiclusterSource]))
	}
	out.Value = value
	return out
}

// serviceNameLabels are what authors write for kubernetes.io/service-name, beside misspellings of it.
var serviceNameLabels = []string{"kubernetes.io/service", "k8s.io/service-name", "app.kubernetes.io/service-name"}

// reportUnowned reports a slice of no Service, and returns what it states under a label that is probably meant to name one.
// API servers have such slices, too, but are asked for others only.
func reportUnowned(labels map[string]string, out *Object) (mislabeled string) {
	const why = "The endpoints belong to no Service, because the label " + discoveryv1.LabelServiceName + " is not set. They have no effect. "
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if mesh.Nearest(name, []string{discoveryv1.LabelServiceName, "service-name"}) != "" || slices.Contains(serviceNameLabels, strings.ToLower(name)) {
			out.Report(mesh.CodeUnknownField, mesh.Warning, "metadata.labels["+name+"]", why+fmt.Sprintf("Set it in place of %q.", name))
			return labels[name]
		}
	}
	out.Report(mesh.CodeInvalidValue, mesh.Info, "metadata.labels", why+"Set it to the Service's name if there is one.")
	return ""
}

func slicePorts(ports []discoveryv1.EndpointPort, out *Object) []mesh.Port {
	var all []mesh.Port
	for i, p := range ports {
		// A port without a number means all ports, and no Service port refers to it.
		if p.Port == nil || p.Protocol != nil && !isTCP(*p.Protocol) || !isPort(*p.Port, fmt.Sprintf("ports[%d].port", i), out) {
			continue
		}
		all = append(all, mesh.Port{Name: Intern(deref(p.Name)), Number: uint32(*p.Port)})
	}
	return sortPorts(all)
}

// ComparePorts orders ports by name and number.
func ComparePorts(a, b mesh.Port) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
}

func sortPorts(ports []mesh.Port) []mesh.Port {
	slices.SortFunc(ports, ComparePorts)
	return slices.Compact(ports)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func appendEndpoint(to []Address, e *discoveryv1.Endpoint, i int, out *Object) []Address {
	a := Address{
		Topology: mesh.MakeTopology(deref(e.NodeName), mesh.Locality{Zone: deref(e.Zone)}, hints(e.Hints)...),
		Health:   health(e.Conditions), Hostname: Intern(deref(e.Hostname)),
	}
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		a.Pod, a.UID = e.TargetRef.Name, string(e.TargetRef.UID)
	}
	for j, text := range e.Addresses {
		to = appendAddress(to, a, text, out, addressField{"endpoints", i, "addresses", j})
	}
	return to
}

// health reads conditions as the EndpointSlice API defines them: unset ready and serving mean true, and unset terminating
// means false. ready decides alone, also for the terminating endpoints of a Service with publishNotReadyAddresses.
func health(c discoveryv1.EndpointConditions) mesh.Health {
	unsetOrTrue := func(b *bool) bool { return b == nil || *b }
	switch {
	case unsetOrTrue(c.Ready):
		return mesh.Ready
	case unsetOrTrue(c.Serving) && deref(c.Terminating):
		return mesh.Draining
	}
	return mesh.NotReady
}

// appendAddress adds a with the address of text, or reports that it is not an address.
func appendAddress(to []Address, a Address, text string, out *Object, field addressField) []Address {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.IsUnspecified() {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, field.String(),
			fmt.Sprintf("%q is not a usable IP address. It is left out. Use an IP address without a zone.", text))
		return to
	}
	ip = ip.Unmap()
	a.IP, a.IPv6 = ip.String(), ip.Is6()
	return append(to, a)
}

//nolint:staticcheck // Services without a selector may still have nothing but an Endpoints object.
func convertEndpoints(e *corev1.Endpoints, _ string) Object {
	out := newObject(KindEndpoints, &e.ObjectMeta)
	value := &Slice{Service: e.Name, Weight: weight(&e.ObjectMeta, &out)}
	for i := range e.Subsets {
		subset := &e.Subsets[i]
		var g Group
		for j, p := range subset.Ports {
			if isTCP(p.Protocol) && isPort(p.Port, fmt.Sprintf("subsets[%d].ports[%d].port", i, j), &out) {
				g.Ports = append(g.Ports, mesh.Port{Name: Intern(p.Name), Number: uint32(p.Port)})
			}
		}
		if len(g.Ports) == 0 {
			continue
		}
		g.Ports = sortPorts(g.Ports)
		g.Addresses = make([]Address, 0, len(subset.Addresses)+len(subset.NotReadyAddresses))
		for j := range subset.Addresses {
			field := addressField{"subsets", i, "addresses", j}
			g.Addresses = appendSubsetAddress(g.Addresses, &subset.Addresses[j], mesh.Ready, &out, field)
		}
		for j := range subset.NotReadyAddresses {
			field := addressField{"subsets", i, "notReadyAddresses", j}
			g.Addresses = appendSubsetAddress(g.Addresses, &subset.NotReadyAddresses[j], mesh.NotReady, &out, field)
		}
		value.Groups = append(value.Groups, g)
	}
	out.Value = value
	return out
}

func appendSubsetAddress(to []Address, e *corev1.EndpointAddress, h mesh.Health, out *Object, field addressField) []Address {
	a := Address{Topology: mesh.MakeTopology(deref(e.NodeName), mesh.Locality{}), Health: h, Hostname: Intern(e.Hostname)}
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		a.Pod, a.UID = e.TargetRef.Name, string(e.TargetRef.UID)
	}
	return appendAddress(to, a, e.IP, out, field)
}

// addressField is the path of an address, formatted only if there is a Problem.
type addressField struct {
	list string
	i    int
	part string
	j    int
}

func (f addressField) String() string { return fmt.Sprintf("%s[%d].%s[%d]", f.list, f.i, f.part, f.j) }
