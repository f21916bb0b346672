package assemble

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// entryEndpoints collects the endpoints of a host.
type entryEndpoints struct {
	*external

	all      []rawEndpoint
	problems []mesh.Problem
	// names are those that the control plane resolves.
	names []string
	// shared are the ports of endpoints that name none, by the ServiceEntry; the zero Key is for a Service.
	shared map[object.Key][]mesh.Port
}

// endpointSet returns the endpoints of what a namespace declares for a host, or nil if there are none, and the names that must
// be resolved for them.
func (x *external) endpointSet(g *entryGroup) (*mesh.EndpointSet, []string, []mesh.Problem) {
	c := entryEndpoints{external: x, shared: map[object.Key][]mesh.Port{}}
	host, ports := "", []mesh.Port(nil)
	switch {
	case g.under != nil && g.under.ResolvedByClients(), g.service != nil && g.service.ResolvedByClients():
		return nil, nil, nil
	case g.under != nil:
		host, ports = g.under.Host, g.under.Ports
		if g.under.Selector != "" {
			c.addSelected(object.Key{}, g.under.Ref.Namespace, g.under.Selector.Map(), g.under.Ports, false)
		}
	default:
		host, ports = g.service.Host, g.service.Ports
	}
	for _, e := range g.entries {
		if !e.Closed && e.resolution() != mesh.ResolveClient {
			c.addEntry(e, host, e.servedPorts(ports))
		}
	}
	endpoints := merge(c.all, false)
	if len(endpoints) == 0 {
		return nil, c.names, c.problems
	}
	return &mesh.EndpointSet{Host: host, Endpoints: endpoints}, c.names, c.problems
}

// addEntry adds the endpoints of a ServiceEntry.
func (c *entryEndpoints) addEntry(e *serviceEntry, host string, ports []mesh.Port) {
	if e.resolution() == mesh.ResolveServer && len(e.Endpoints) == 0 && e.Selector == nil {
		c.add(e.key, e.key, &object.Workload{Field: e.fieldOf(host), DNSName: e.Hosts[slices.Index(e.hosts, host)].Name}, ports, true)
	}
	for i := range e.Endpoints {
		c.add(e.key, e.key, &e.Endpoints[i], ports, e.ResolvesNames())
	}
	if e.Selector != nil {
		c.addSelected(e.key, e.key.Namespace, e.Selector, ports, e.ResolvesNames())
		c.addPods(e, ports)
	}
}

// servedPorts are its ports that the Service has, too.
func (e *serviceEntry) servedPorts(ports []mesh.Port) []mesh.Port {
	var out []mesh.Port
	for _, p := range e.Ports {
		if hasPort(ports, p.Name) {
			out = append(out, p)
		}
	}
	return out
}

// addSelected adds the WorkloadEntries of a namespace that a selector selects. entry is the ServiceEntry that has it; zero for
// a Service.
func (c *entryEndpoints) addSelected(entry object.Key, namespace string, selector map[string]string, ports []mesh.Port, names bool) {
	for _, id := range c.inNamespace[namespace] {
		if w := c.workloads[id]; w.Labels.Match(selector) {
			c.add(entry, object.Key{Kind: object.KindWorkloadEntry, Namespace: id.Namespace, Name: id.Name}, w, ports, names)
		}
	}
}

// add adds one endpoint. about is the object that declares it; names says whether it may be a name.
func (c *entryEndpoints) add(entry, about object.Key, w *object.Workload, ports []mesh.Port, names bool) {
	warn := func(code mesh.Code, field, format string, args ...any) {
		c.problems = append(c.problems, mesh.Problem{Code: code, Severity: mesh.Warning, Object: about.Ref(), Field: w.Field + field, Message: fmt.Sprintf(format, args...)})
	}
	if w.Network != "" && w.Network != c.network {
		warn(mesh.CodeUnsupported, ".network", "The endpoint is in network %q, and clients call endpoints without gateways. It gets no calls. If clients reach it, remove the network, or name the clients' network by --network.", w.Network)
		return
	}
	if w.DNSName != "" && !names {
		warn(mesh.CodeInvalidValue, ".address", "%q is a name, and the object that selects the endpoint does not resolve names. It gets no calls. Write an IP address, or set resolution to DNS in the ServiceEntry.", w.DNSName)
		return
	}
	if w.DNSName != "" {
		c.names = append(c.names, w.DNSName)
		for _, p := range c.external.names.check(w.DNSName) {
			p.Object, p.Field = about.Ref(), w.Field
			c.problems = append(c.problems, p)
		}
	}
	for _, p := range ports {
		if _, ok := w.Ports[p.Name]; p.NamedTarget && !ok {
			warn(mesh.CodeNoSuchPort, ".ports", "The Service names the pods' port for its port %q, and the workload has no such name. It does not serve that port. Add the port to ports.", p.Name)
		}
	}
	for _, ip := range c.resolved(w) {
		raw := rawEndpoint{ipv6: ip.Is6()}
		raw.Address, raw.Labels, raw.ServiceAccount, raw.Weight = ip.String(), w.Labels, w.ServiceAccount, w.Weight
		raw.Topology = mesh.MakeTopology("", w.Locality)
		raw.Ports = c.portsOf(entry, w, ports)
		raw.Peer = c.inventory.endpoints.peers(about.Namespace, w.Labels)
		if w.NotReady {
			raw.Health = mesh.NotReady
		}
		if len(raw.Ports) > 0 {
			c.all = append(c.all, raw)
		}
	}
}

// resolved returns the addresses of an endpoint.
func (x *external) resolved(w *object.Workload) []netip.Addr {
	if w.DNSName != "" {
		if known := x.names.known[w.DNSName]; known != nil {
			return known.Addresses
		}
		return nil
	}
	ip, err := netip.ParseAddr(w.IP)
	if err != nil {
		return nil
	}
	return []netip.Addr{ip}
}

// addPods adds the pods that a ServiceEntry selects.
func (c *entryEndpoints) addPods(e *serviceEntry, ports []mesh.Port) {
	served := c.portsOf(e.key, &object.Workload{}, ports)
	for _, id := range slices.SortedFunc(maps.Keys(e.pods), object.ID.Compare) {
		p := c.inventory.endpoints.pods[id]
		for _, ip := range p.Addresses() {
			a := object.Address{IP: ip, Pod: id.Name, UID: p.UID, Health: podHealth(p), IPv6: netip.MustParseAddr(ip).Is6()}
			c.all = append(c.all, c.inventory.endpoints.resolve(id.Namespace, &a, served, 0))
		}
	}
}

// podHealth is the condition of a pod, as its EndpointSlice would have it.
func podHealth(p *object.Pod) mesh.Health {
	switch {
	case p.NotReady:
		return mesh.NotReady
	case p.Ended:
		return mesh.Draining
	}
	return mesh.Ready
}

// portsOf returns the ports of an endpoint by the names of the Service's ports.
func (c *entryEndpoints) portsOf(entry object.Key, w *object.Workload, ports []mesh.Port) []mesh.Port {
	if out, ok := c.shared[entry]; ok && w.Ports == nil {
		return out
	}
	var out []mesh.Port
	for _, p := range ports {
		if number := w.Port(p); number != 0 {
			out = append(out, mesh.Port{Name: p.Name, Number: number})
		}
	}
	slices.SortFunc(out, object.ComparePorts)
	if w.Ports == nil {
		c.shared[entry] = out
	}
	return out
}
