package assemble

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// hostGroups returns what each namespace declares for a host, by key; see mesh.HostIn. A Service of the cluster takes
// precedence: to it only the endpoints of its own namespace are added. Otherwise the first is the oldest that all clients can
// see, or else the oldest.
func (x *external) hostGroups(host string) (map[string]*entryGroup, []mesh.Problem) {
	byNamespace := map[string][]*serviceEntry{}
	for _, e := range x.byHost[host] {
		byNamespace[e.key.Namespace] = append(byNamespace[e.key.Namespace], e)
	}
	for _, entries := range byNamespace {
		slices.SortFunc(entries, compareEntries)
	}
	groups := map[string]*entryGroup{}
	var problems []mesh.Problem
	if s := x.inventory.service(host); s != nil {
		for namespace, entries := range byNamespace {
			if namespace == s.Ref.Namespace {
				problems = append(problems, addedTo(s, host, entries)...)
				continue
			}
			for _, e := range entries {
				problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, e.fieldOf(host), "%s of another namespace has this host, and takes precedence. The ServiceEntry has no effect on it. Use another host, or move the object to namespace %s.", s.Ref, s.Ref.Namespace))
			}
		}
		if entries := byNamespace[s.Ref.Namespace]; len(entries) > 0 || s.Selector != "" && x.selectsWorkload(s) {
			groups[host] = &entryGroup{under: s, entries: entries}
		}
		return groups, problems
	}
	var all []*entryGroup
	for _, entries := range byNamespace {
		problems = append(problems, x.readLikeServices(host, entries)...)
		service, found := mergeEntries(host, entries)
		problems = append(problems, found...)
		all = append(all, &entryGroup{service: service, entries: entries})
	}
	slices.SortFunc(all, func(a, b *entryGroup) int {
		return cmp.Or(compareBool(!a.entries[0].Export.Public, !b.entries[0].Export.Public), compareEntries(a.entries[0], b.entries[0]))
	})
	for i, g := range all {
		if i == 0 {
			groups[host] = g
			continue
		}
		first := all[0].service
		first.Others = append(first.Others, g.namespace())
		groups[mesh.HostIn(host, g.namespace())] = g
		problems = append(problems, g.entries[0].problem(mesh.CodeConflict, mesh.Info, g.entries[0].fieldOf(host),
			"%s declares the host, too. Clients of namespace %s use this object, and clients of other namespaces the first that they can see. Keep one of the two, or set exportTo to \".\".", first.Ref, g.namespace()))
	}
	return groups, problems
}

// likeService returns the other namespace of which a host reads like a Service: clients dial db.shop for the Service db of the
// namespace shop. It is empty if the host does not, or if its author is of that namespace.
func (e *serviceEntry) likeService(host string) string {
	_, namespace, short := strings.Cut(e.Hosts[slices.Index(e.hosts, host)].Name, ".")
	if !short || mesh.IsWildcard(host) || strings.Contains(namespace, ".") || namespace == e.key.Namespace {
		return ""
	}
	return namespace
}

// readLikeServices reports a host that clients probably take for a Service that is not there. It may also be a domain that has the
// name of a namespace, so it is used.
func (x *external) readLikeServices(host string, entries []*serviceEntry) []mesh.Problem {
	var problems []mesh.Problem
	for _, e := range entries {
		namespace := e.likeService(host)
		if namespace == "" || !x.inventory.hasNamespace(namespace) {
			continue
		}
		problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, e.fieldOf(host),
			"Clients mean by %q also the Service %s of namespace %s, which does not exist. Their calls go to this object's servers, until that Service exists and takes precedence. Write the object in namespace %s, or use a host with more labels.",
			e.Hosts[slices.Index(e.hosts, host)].Name, strings.TrimSuffix(host, "."+namespace+".svc."+x.domain), namespace, namespace))
	}
	return problems
}

func compareEntries(a, b *serviceEntry) int {
	return cmp.Or(a.Created.Compare(b.Created), a.key.Compare(b.key))
}

func (x *external) selectsWorkload(s *mesh.Service) bool {
	return slices.ContainsFunc(x.inNamespace[s.Ref.Namespace], func(id object.ID) bool { return x.workloads[id].Labels.Match(s.Selector.Map()) })
}

// addedTo reports what of ServiceEntries has no effect because a Service of their namespace has the host.
func addedTo(s *mesh.Service, host string, entries []*serviceEntry) []mesh.Problem {
	var problems []mesh.Problem
	for _, e := range entries {
		at := e.fieldOf(host)
		if s.ResolvedByClients() || e.resolution() == mesh.ResolveClient {
			problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, at, "%s has this host, and one of the two is a name that clients resolve. The ServiceEntry has no effect on it. Use another host.", s.Ref))
			continue
		}
		problems = append(problems, e.overruled(s, at)...)
		for i, p := range e.Ports {
			if !hasPort(s.Ports, p.Name) {
				problems = append(problems, e.problem(mesh.CodeNoSuchPort, mesh.Warning, e.PortField(i), "%s has this host, and no port %q. The endpoints do not serve that port. Name the ports as the Service does.", s.Ref, p.Name))
			}
		}
	}
	return problems
}

// overruled reports the fields that have no effect beside a Service with the host: it decides on everything but endpoints.
func (e *serviceEntry) overruled(s *mesh.Service, at string) []mesh.Problem {
	var problems []mesh.Problem
	warn := func(severity mesh.Severity, field, text string) {
		problems = append(problems, e.problem(mesh.CodeConflict, severity, field, "%s has this host, and %s", s.Ref, text))
	}
	seen := mesh.Export{Public: true}
	if s.Export != nil {
		seen = *s.Export
	}
	switch {
	case seen.Public && e.Export.Public || sameExport(seen, e.Export):
	case !e.Export.Public:
		warn(mesh.Warning, "spec.exportTo", "decides which clients can see it. The list here has no effect: clients of other namespaces may call the endpoints. Set the annotation networking.istio.io/exportTo of the Service, or use another host.")
	default:
		warn(mesh.Info, at, "decides which clients can see it. Set its annotation networking.istio.io/exportTo.")
	}
	if len(e.SubjectAltNames) > 0 {
		warn(mesh.Warning, "spec.subjectAltNames", "clients accept the certificates of its endpoints' accounts. The names have no effect: encrypted calls to servers with another certificate fail. Set serviceAccount of the endpoints, or subjectAltNames in a DestinationRule for the host.")
	}
	if e.External {
		warn(mesh.Info, "spec.location", "its endpoints are part of the mesh: clients with ISTIO_MUTUAL expect a certificate of the mesh. Set location to MESH_INTERNAL, or use another host for servers outside of the mesh.")
	}
	if len(e.Addresses) > 0 {
		warn(mesh.Warning, "spec.addresses", "clients dial its addresses. These have no effect. Remove them, or use another host.")
	}
	if e.Annotations != (mesh.AnnotationSettings{}) {
		warn(mesh.Warning, "metadata.annotations", "decides how clients call it. The annotations about endpoints have no effect here. Set them on the Service.")
	}
	return problems
}

func hasPort(ports []mesh.Port, name string) bool {
	return slices.ContainsFunc(ports, func(p mesh.Port) bool { return p.Name == name })
}

func (e *serviceEntry) problem(code mesh.Code, severity mesh.Severity, field, format string, args ...any) mesh.Problem {
	return mesh.Problem{Code: code, Severity: severity, Object: e.key.Ref(), Field: field, Message: fmt.Sprintf(format, args...)}
}

// fieldOf is the field path of the entry that declares a full host.
func (e *serviceEntry) fieldOf(host string) string { return e.Hosts[slices.Index(e.hosts, host)].Field }

// resolution is how its names are resolved. Clients resolve one name at most.
func (e *serviceEntry) resolution() mesh.Resolution {
	switch {
	case e.Closed:
		return mesh.ResolveNone
	case e.ByDialedName(), e.ResolvesNames() && len(e.Endpoints) == 0 && e.Selector == nil:
		return cmp.Or(e.By, mesh.ResolveClient)
	case !e.ResolvesNames():
		return mesh.ResolveNone
	case len(e.Endpoints) == 1 && e.Endpoints[0].DNSName != "":
		return cmp.Or(e.By, mesh.ResolveClient)
	}
	return mesh.ResolveServer
}

// mergeEntries makes the Service of a host from the ServiceEntries of a namespace: the union of their ports, and what else the
// oldest says. An entry whose names are resolved in another way has no effect.
func mergeEntries(host string, entries []*serviceEntry) (*mesh.Service, []mesh.Problem) {
	first := entries[0]
	s := first.declare(host)
	problems := first.checkBy(host)
	for _, e := range entries {
		if e != first && (s.Resolve == mesh.ResolveClient || e.resolution() == mesh.ResolveClient) && !sameNames(e, first) {
			problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, e.fieldOf(host), "%s %s, has the same host, and its servers are found in another way. This object has no effect on the host. Merge the two.", first.key.Ref(), e.after(first)))
			continue
		}
		problems = append(problems, e.addTo(s)...)
		problems = append(problems, e.differences(first)...)
	}
	return s, problems
}

// after says why another object takes precedence. Objects in files have no age.
func (e *serviceEntry) after(first *serviceEntry) string {
	if first.Created.Before(e.Created) {
		return "is older"
	}
	return "comes first by its name"
}

// differences reports what an older ServiceEntry with the same host overrules.
func (e *serviceEntry) differences(first *serviceEntry) []mesh.Problem {
	var problems []mesh.Problem
	differs := func(is bool, field, what string) {
		if is {
			problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, field, "%s %s and has the same host. Its %s applies. Set the same here.", first.key.Ref(), e.after(first), what))
		}
	}
	differs(e.External != first.External, "spec.location", "location")
	differs(!sameExport(e.Export, first.Export), "spec.exportTo", "exportTo")
	own, applied := e.Annotations, first.Annotations
	differs(own != (mesh.AnnotationSettings{}) && (own.Balancer.Value != applied.Balancer.Value || own.SubsetSize.Value != applied.SubsetSize.Value || own.SuccessRate.Value != applied.SuccessRate.Value),
		"metadata.annotations", "choice of endpoints by annotations")
	return problems
}

// declare makes the Service of a host, without ports.
func (e *serviceEntry) declare(host string) *mesh.Service {
	first, wildcard := e, mesh.IsWildcard(host)
	s := &mesh.Service{
		Ref: first.key.Ref(), Host: host, Resolve: first.resolution(), External: first.External, Annotations: first.Annotations,
	}
	if written := first.Hosts[slices.Index(first.hosts, host)].Name; written != host {
		s.ServerName = written
	}
	if export := first.Export; !export.Public {
		s.Export = &export
	}
	if s.Resolve == mesh.ResolveClient {
		switch {
		case len(first.Endpoints) == 1:
			s.DNSName = first.Endpoints[0].DNSName
		case !wildcard:
			s.DNSName = cmp.Or(s.ServerName, host)
		}
		if s.DNSName != "" && s.DNSName != host {
			s.ServerName = cmp.Or(s.ServerName, host)
		}
	}
	if wildcard && s.Resolve == mesh.ResolveServer && len(first.Endpoints) == 0 && first.Selector == nil {
		s.Resolve = mesh.ResolveClient
	}
	return s
}

// addTo adds what a ServiceEntry declares to the Service of its host.
func (e *serviceEntry) addTo(s *mesh.Service) []mesh.Problem {
	for _, name := range e.SubjectAltNames {
		if !slices.Contains(s.SubjectAltNames, name) {
			s.SubjectAltNames = append(s.SubjectAltNames, name)
		}
	}
	for _, a := range e.Addresses {
		if (a.Host == "" || a.Host == s.Host) && !slices.Contains(s.Addresses, a.IP) && !mesh.IsWildcard(s.Host) {
			s.Addresses = append(s.Addresses, a.IP)
		}
	}
	return e.addPorts(s)
}

// sameNames reports whether clients resolve the same name by both.
func sameNames(a, b *serviceEntry) bool {
	return a.resolution() == b.resolution() && slices.EqualFunc(a.Endpoints, b.Endpoints, func(v, w object.Workload) bool { return v.DNSName == w.DNSName })
}

// checkBy reports an annotation that cannot be obeyed.
func (e *serviceEntry) checkBy(host string) []mesh.Problem {
	field := object.AnnotationField(mesh.AnnotationResolve)
	switch got := e.resolution(); {
	case e.By == mesh.ResolveClient && got == mesh.ResolveServer:
		return []mesh.Problem{e.problem(mesh.CodeInvalidValue, mesh.Warning, field, "Clients resolve one name for a host, and there are several endpoints. Mizzen resolves them. Remove the other endpoints, or the annotation.")}
	case e.By != mesh.ResolveNone && got == mesh.ResolveNone && !e.Closed:
		return []mesh.Problem{e.problem(mesh.CodeInvalidValue, mesh.Warning, field, "There is no name to resolve. The annotation has no effect. Remove it, or set resolution to DNS.")}
	case e.By == mesh.ResolveServer && mesh.IsWildcard(host) && e.ByDialedName():
		return []mesh.Problem{e.problem(mesh.CodeInvalidValue, mesh.Warning, field, "Only clients know which names below %s they dial. They resolve them. Remove the annotation, or list the hosts.", host)}
	}
	return nil
}

// addPorts adds the ports of a ServiceEntry to those of the Service of its host. Of ports with the same name or number, the
// earlier applies.
func (e *serviceEntry) addPorts(s *mesh.Service) []mesh.Problem {
	var problems []mesh.Problem
	for i, p := range e.Ports {
		if e.resolution() == mesh.ResolveClient && len(e.Endpoints) == 1 {
			if number := e.Endpoints[0].Port(p); number != p.Number {
				p.Target = uint16(number)
			} else {
				p.Target = 0
			}
		}
		j := slices.IndexFunc(s.Ports, func(q mesh.Port) bool { return q.Number == p.Number || q.Name == p.Name })
		switch {
		case j < 0:
			s.Ports = append(s.Ports, p)
		case s.Ports[j].Name != p.Name || s.Ports[j].Number != p.Number || s.Ports[j].Protocol != p.Protocol || s.Resolve == mesh.ResolveClient && s.Ports[j] != p:
			problems = append(problems, e.problem(mesh.CodeConflict, mesh.Warning, e.PortField(i), "An earlier ServiceEntry for the host declares the port otherwise. This port is ignored. Write the same name, number and protocol."))
		}
	}
	return problems
}
