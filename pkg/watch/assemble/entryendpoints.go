package assemble

import (
	"cmp"
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

	// origins are where the endpoints are declared.
	all      []rawEndpoint
	origins  []origin
	problems []mesh.Problem
	// names are those that the control plane resolves.
	names []string
	// shared are the ports of endpoints that name none, by the ServiceEntry; the zero Key is for a Service.
	shared map[object.Key][]mesh.Port
}

// origin is where an endpoint is declared.
type origin struct {
	about object.Key
	field string
	// quiet means that the author did not write the address.
	quiet bool
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
	endpoints := merge(c.unique(), false)
	if len(endpoints) == 0 {
		return nil, c.names, c.problems
	}
	return &mesh.EndpointSet{Host: host, Endpoints: endpoints}, c.names, c.problems
}

// addEntry adds the endpoints of a ServiceEntry.
func (c *entryEndpoints) addEntry(e *serviceEntry, host string, ports []mesh.Port) {
	if e.resolvesHost() {
		c.add(e.key, e.key, &object.Workload{Field: e.fieldOf(host), DNSName: e.Hosts[slices.Index(e.hosts, host)].Name}, ports, true)
	}
	for i := range e.Endpoints {
		c.add(e.key, e.key, &e.Endpoints[i], ports, e.ResolvesNames())
	}
	if e.Selector != nil {
		c.addPods(e, ports)
		c.addSelected(e.key, e.key.Namespace, e.Selector, ports, e.ResolvesNames())
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
	for _, id := range slices.SortedFunc(slices.Values(c.inNamespace[namespace]), object.ID.Compare) {
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
		c.resolve(entry, about, w)
	}
	c.checkPorts(entry, about, w, ports)
	if w.ByStream && !c.streams {
		c.problems = append(c.problems, mesh.Problem{
			Code: mesh.CodeApproximated, Severity: mesh.Info, Object: about.Ref(), Field: object.AnnotationField(mesh.AnnotationHealth),
			Message: "Nothing follows here whether the machine has a stream. It counts as connected. Mizzen follows it where it writes conditions, see --write-status.",
		})
	}
	for _, ip := range c.resolved(w) {
		raw := rawEndpoint{ipv6: ip.Is6()}
		raw.Address, raw.Labels, raw.ServiceAccount, raw.Weight = ip.String(), w.Labels, w.ServiceAccount, w.Weight
		raw.Topology = mesh.MakeTopology("", w.Locality)
		raw.Ports = c.portsOf(entry, w, ports)
		raw.Peer = c.inventory.endpoints.peers(about.Namespace, w.Labels)
		if w.NotReady || w.ByStream && !w.Connected && c.streams {
			raw.Health = mesh.NotReady
		}
		if len(raw.Ports) > 0 {
			c.all, c.origins = append(c.all, raw), append(c.origins, origin{about, w.Field, w.DNSName != ""})
		}
	}
}

// resolve adds the name of an endpoint to those that must be resolved, and reports what is wrong with it.
func (c *entryEndpoints) resolve(entry, about object.Key, w *object.Workload) {
	problems := c.external.names.check(w.DNSName)
	if mesh.IsLocalhost(w.DNSName) {
		wayOut := "Write 127.0.0.1."
		if e := c.entries[entry]; e != nil && e.By == mesh.ResolveServer {
			wayOut = "Remove the annotation " + mesh.AnnotationResolve + ", so that clients resolve the name, or write 127.0.0.1 and resolution STATIC."
		}
		problems = []mesh.Problem{{Code: mesh.CodeNotResolved, Severity: mesh.Warning, Message: fmt.Sprintf(
			"%q is each client's own machine. Mizzen resolves names by DNS alone, not by /etc/hosts, and sends clients no loopback address for a name. The endpoint gets no calls. %s", w.DNSName, wayOut)}}
	} else {
		c.names = append(c.names, w.DNSName)
	}
	for _, p := range problems {
		p.Object, p.Field = about.Ref(), w.Field
		c.problems = append(c.problems, p)
	}
}

// checkPorts reports names of ports that the object with the host does not have. A WorkloadEntry may be selected by several, so
// its other names are told only if it has none for one of the ports.
func (c *entryEndpoints) checkPorts(entry, about object.Key, w *object.Workload, ports []mesh.Port) {
	warn := func(severity mesh.Severity, field, format string, args ...any) {
		c.problems = append(c.problems, mesh.Problem{Code: mesh.CodeNoSuchPort, Severity: severity, Object: about.Ref(), Field: w.Field + field, Message: fmt.Sprintf(format, args...)})
	}
	declared, owner := ports, "The Service"
	if e := c.entries[entry]; e != nil {
		declared, owner = e.Ports, entry.Ref().String()
	}
	if len(w.Ports) == 0 && !slices.ContainsFunc(declared, func(p mesh.Port) bool { return p.NamedTarget }) {
		return // most endpoints, of which there may be thousands
	}
	var names, unnamed []string
	effect := "The number has no effect."
	for _, p := range declared {
		names = append(names, p.Name)
		if _, ok := w.Ports[p.Name]; ok {
			continue
		}
		unnamed = append(unnamed, p.Name)
		if p.NamedTarget {
			warn(mesh.Warning, ".ports", "The Service names the pods' port for its port %q, and the workload has no such name. It does not serve that port. Add the port to ports.", p.Name)
		} else {
			effect = fmt.Sprintf("The number has no effect, and the endpoint serves the port %q on %d.", p.Name, p.ServerPort())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Ports)) {
		if slices.Contains(names, name) || entry != about && len(unnamed) == 0 {
			continue
		}
		severity, wayOut := mesh.Warning, "Write the name of one of its ports, or remove this one."
		if i := slices.IndexFunc(unnamed, func(p string) bool { return likelyTypo(name, p) }); i >= 0 {
			wayOut = fmt.Sprintf("Did you mean %q? Correct the name.", unnamed[i])
		} else if entry != about {
			severity, wayOut = mesh.Info, "If that is not meant, correct the name."
		}
		warn(severity, ".ports["+name+"]", "%s has no port %q. %s %s", owner, name, effect, wayOut)
	}
}

// unique returns the endpoints without those whose address and port an earlier one has, which clients would reject. The healthier
// come first, then the order in which they were added.
func (c *entryEndpoints) unique() []rawEndpoint {
	order := make([]int, len(c.all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(c.all[i].Health, c.all[j].Health) })
	first, taken := map[string]int{}, map[socket]int{} // taken has the sockets of the addresses that occur twice
	var out []rawEndpoint
	for _, i := range order {
		e := c.all[i]
		other, again := first[e.Address]
		switch {
		case len(e.Ports) == 0:
			continue
		case !again:
			first[e.Address] = i
			out = append(out, e)
			continue
		case sameList(c.all[other].Ports, e.Ports):
			c.repeats(i, other)
			continue
		}
		if _, listed := taken[socket{e.Address, c.all[other].Ports[0].Name, c.all[other].Ports[0].Number}]; !listed {
			for _, p := range c.all[other].Ports {
				taken[socket{e.Address, p.Name, p.Number}] = other
			}
		}
		kept := -1
		has := func(p mesh.Port) bool {
			other, ok := taken[socket{e.Address, p.Name, p.Number}]
			if ok {
				kept = other
			}
			return ok
		}
		if slices.ContainsFunc(e.Ports, has) {
			c.repeats(i, kept)
			e.Ports = slices.DeleteFunc(slices.Clone(e.Ports), has)
		}
		for _, p := range e.Ports {
			taken[socket{e.Address, p.Name, p.Number}] = i
		}
		if len(e.Ports) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// repeats reports that an endpoint has the address and a port of another, which is kept.
func (c *entryEndpoints) repeats(i, kept int) {
	this, other := c.origins[i], c.origins[kept]
	if this.quiet || other.quiet || this.about.Kind == object.KindPod || this.about == other.about && this.field == other.field {
		return
	}
	what := other.about.Ref().String()
	if other.field != "" && other.about.Kind == object.KindServiceEntry {
		what = other.field
		if other.about != this.about {
			what += " of " + other.about.Ref().String()
		}
	}
	a, b := c.all[i], c.all[kept]
	severity, effect := mesh.Info, "This one has no effect."
	if a.Weight != b.Weight || a.Labels != b.Labels || a.ServiceAccount != b.ServiceAccount || a.Topology != b.Topology {
		severity, effect = mesh.Warning, "This one's weight, labels, locality and account have no effect."
	}
	c.problems = append(c.problems, mesh.Problem{
		Code: mesh.CodeConflict, Severity: severity, Object: this.about.Ref(), Field: this.field,
		Message: fmt.Sprintf("%s has the address %s and the port, too. %s Remove one of the two, or correct the address.", what, a.Address, effect),
	})
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
			c.origins = append(c.origins, origin{about: object.Key{Kind: object.KindPod, Namespace: id.Namespace, Name: id.Name}})
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
