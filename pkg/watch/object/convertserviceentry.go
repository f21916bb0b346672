package object

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertServiceEntry(e *istiov1.ServiceEntry, domain string) Object {
	out := newObject(KindServiceEntry, &e.ObjectMeta)
	spec := proto.CloneOf(&e.Spec)
	if !encodable(spec, &out) {
		return out
	}
	c := entryConverter{&out, domain}
	value := &ServiceEntry{
		Export: ruleExport(spec.GetExportTo(), &out), Created: created(&e.ObjectMeta), External: spec.GetLocation() == networking.ServiceEntry_MESH_EXTERNAL,
		Resolution: spec.GetResolution(), SubjectAltNames: c.subjectAltNames(spec.GetSubjectAltNames()), Annotations: annotationSettings(&e.ObjectMeta, &out),
	}
	value.Ports, value.PortFields = c.ports(spec.GetPorts())
	for i, w := range spec.GetEndpoints() {
		if w := c.workload(w, fmt.Sprintf("spec.endpoints[%d]", i)); w != nil {
			value.Endpoints = append(value.Endpoints, *w)
		}
	}
	if s := spec.GetWorkloadSelector(); s != nil {
		value.Selector = map[string]string{}
		maps.Copy(value.Selector, s.GetLabels())
		validator{&out}.labels("spec.workloadSelector.labels", s.GetLabels(), "The ServiceEntry selects no server")
	}
	value.By = c.resolvedBy(e.Annotations)
	c.checkResolution(spec, value)
	value.Hosts = c.hosts(spec, value)
	value.Addresses = c.addresses(spec.GetAddresses(), e.Status.GetAddresses())
	if len(value.Hosts) > 0 {
		out.Value = value
	}
	c.checkAddresses(spec, value)
	return out
}

// entryConverter reports what is wrong with the object.
type entryConverter struct {
	out    *Object
	domain string
}

func (c entryConverter) refuse(field, format string, args ...any) {
	c.out.Report(mesh.CodeInvalidValue, mesh.Error, field, fmt.Sprintf(format, args...))
}

func (c entryConverter) warn(field, text string) {
	c.out.Report(mesh.CodeUnsupported, mesh.Warning, field, text)
}

func (c entryConverter) remark(field, format string, args ...any) {
	c.out.Report(mesh.CodeApproximated, mesh.Info, field, fmt.Sprintf(format, args...))
}

// hosts returns the hosts that clients can dial. A wildcard must not cover hosts of Services: a misspelled name of a
// Service would be one of its names.
func (c entryConverter) hosts(spec *networking.ServiceEntry, value *ServiceEntry) []DeclaredHost {
	var all []DeclaredHost
	if len(spec.GetHosts()) == 0 {
		c.refuse("spec.hosts", "The ServiceEntry has no hosts. It is not used. List the names that clients dial.")
	}
	for i, text := range spec.GetHosts() {
		at := fmt.Sprintf("spec.hosts[%d]", i)
		host, ok := convertHost(text, at, c.out)
		if !ok {
			continue
		}
		if why := c.whyNoHost(text, host.Name, value); why != "" {
			c.refuse(at, "%s", why)
			continue
		}
		if slices.ContainsFunc(all, func(h DeclaredHost) bool { return h.Name == host.Name }) {
			c.out.Report(mesh.CodeInvalidValue, mesh.Info, at, fmt.Sprintf("%q is in the list twice. The second has no effect. Remove it.", text))
			continue
		}
		c.checkShortNames(spec.GetHosts(), host)
		all = append(all, host)
	}
	return all
}

// whyNoHost returns why a host is ignored; empty if it is not.
func (c entryConverter) whyNoHost(text, host string, value *ServiceEntry) string {
	suffix, wildcard := strings.CutPrefix(host, "*")
	services := ".svc." + c.domain
	why := hostOfOneMachine(strings.TrimPrefix(suffix, "."))
	switch {
	case why != "":
		return fmt.Sprintf(why, text)
	case wildcard && !strings.HasPrefix(suffix, "."):
		return fmt.Sprintf("%q is not a wildcard for the names below a domain. It is ignored. Write * in place of the first label, such as *.example.com.", text)
	case wildcard && (strings.HasSuffix(suffix, services) || strings.HasSuffix(services, suffix) || strings.HasSuffix(suffix, ".svc")):
		return fmt.Sprintf("%q covers names of Services. It is ignored, because misspelled names would be called. Write a wildcard outside of %s.", text, c.domain)
	case c.ofOther(host) != "":
		return fmt.Sprintf("%q is the name of a Service in namespace %s. It is ignored, because calls to that namespace would go elsewhere. Write the ServiceEntry in that namespace, or use a host outside of %s.",
			text, c.ofOther(host), c.domain)
	case wildcard && c.needsName(value):
		return fmt.Sprintf("%q is a wildcard, and names no address to resolve. It is ignored. List endpoints, or set resolution to NONE, so that clients resolve the names that they dial.", text)
	}
	return ""
}

// checkShortNames reports a wildcard for a domain of one label, unless the author lists names of two labels, too.
func (c entryConverter) checkShortNames(hosts []string, host DeclaredHost) {
	suffix, wildcard := strings.CutPrefix(host.Name, "*")
	listed := func(other string) bool {
		return !mesh.IsWildcard(other) && strings.Count(other, ".") == 1 && strings.HasSuffix(strings.ToLower(other), suffix)
	}
	if wildcard && strings.Count(suffix, ".") == 1 && !slices.ContainsFunc(hosts, listed) {
		c.warn(host.Field, fmt.Sprintf("Clients mean by a name such as x%s the Service x of a namespace %s, so the wildcard does not cover names of two labels, and calls to them fail. List each such name in hosts; longer names are covered.", suffix, suffix[1:]))
	}
}

// ofOther returns the namespace of the Service that has a host by its name, if that is not the object's own.
func (c entryConverter) ofOther(host string) string {
	if strings.HasSuffix(host, ".svc") { // also what a client dials without the domain
		host += "." + c.domain
	}
	name, ok := strings.CutSuffix(host, ".svc."+c.domain)
	if !ok {
		return ""
	}
	if namespace := name[strings.LastIndexByte(name, '.')+1:]; namespace != c.out.Key.Namespace {
		return namespace
	}
	return ""
}

// needsName reports whether the host itself must be resolved once for all clients.
func (c entryConverter) needsName(value *ServiceEntry) bool {
	return value.ResolvesNames() && len(value.Endpoints) == 0 && value.Selector == nil
}

// ResolvesNames reports whether the endpoints may be names.
func (e *ServiceEntry) ResolvesNames() bool {
	return e.Resolution == networking.ServiceEntry_DNS || e.Resolution == networking.ServiceEntry_DNS_ROUND_ROBIN
}

// ByDialedName reports whether clients call whatever address the name has that they dial.
func (e *ServiceEntry) ByDialedName() bool {
	return e.Resolution == networking.ServiceEntry_NONE || e.Resolution == networking.ServiceEntry_DYNAMIC_DNS
}

// checkResolution reports what does not fit the resolution. If it is not clear which servers are meant, calls fail.
func (c entryConverter) checkResolution(spec *networking.ServiceEntry, value *ServiceEntry) {
	endpoints, selects := len(spec.GetEndpoints()), value.Selector != nil
	if value.Resolution.Descriptor().Values().ByNumber(value.Resolution.Number()) == nil {
		c.refuse("spec.resolution", "There is no resolution %d. Calls fail. Set STATIC, DNS, DNS_ROUND_ROBIN, NONE or DYNAMIC_DNS.", value.Resolution)
		value.Closed = true
	}
	switch {
	case selects && endpoints > 0:
		c.refuse("spec.workloadSelector", "Both workloadSelector and endpoints are set. Calls fail. Remove one of them.")
		value.Closed = true
	case value.ByDialedName() && endpoints > 0:
		c.refuse("spec.endpoints", "With resolution %s clients resolve the name that they dial. The endpoints have no effect. Remove them, or set resolution to STATIC or DNS.", value.Resolution)
	case value.ByDialedName() && selects:
		c.refuse("spec.workloadSelector", "With resolution %s clients resolve the name that they dial. The selector has no effect. Remove it, or set resolution to STATIC.", value.Resolution)
	case value.Resolution == networking.ServiceEntry_DNS_ROUND_ROBIN && endpoints > 1:
		c.refuse("spec.endpoints", "DNS_ROUND_ROBIN allows one endpoint. Calls fail. Remove the others, or set resolution to DNS.")
		value.Closed = true
	case value.Resolution == networking.ServiceEntry_STATIC && endpoints == 0 && !selects:
		c.refuse("spec.endpoints", "With resolution STATIC the endpoints must be listed or selected. Calls fail. Set endpoints or workloadSelector.")
	case endpoints > 0 && len(value.Endpoints) == 0:
		value.Closed = true // Each of them has a Problem.
	}
	c.leaveOut(value)
}

// leaveOut leaves out the endpoints that do not fit the resolution.
func (c entryConverter) leaveOut(value *ServiceEntry) {
	if value.ByDialedName() {
		value.Endpoints, value.Selector = nil, nil
	}
	if value.Resolution == networking.ServiceEntry_STATIC {
		value.Endpoints = slices.DeleteFunc(value.Endpoints, func(w Workload) bool {
			if w.DNSName != "" {
				c.refuse(w.Field+".address", "%q is not an IP address, which resolution STATIC requires. The endpoint is left out. Write an address, or set resolution to DNS.", w.DNSName)
			}
			return w.DNSName != ""
		})
	}
}

// ports returns the ports that clients can call, and their fields.
func (c entryConverter) ports(list []*networking.ServicePort) (all []mesh.Port, fields []string) {
	if len(list) == 0 {
		c.out.Report(mesh.CodeNoSuchPort, mesh.Warning, "spec.ports", "The ServiceEntry has no ports. Clients cannot call it. Add the ports that clients may call.")
	}
	for i, p := range list {
		at := fmt.Sprintf("spec.ports[%d]", i)
		if p.GetNumber() == 0 || p.GetNumber() > math.MaxUint16 {
			c.refuse(at+".number", "%d is not a port. The port is left out. Use a number from 1 to %d.", p.GetNumber(), math.MaxUint16)
			continue
		}
		port := mesh.Port{Name: Intern(p.GetName()), Number: p.GetNumber()}
		c.portName(at+".name", &port, len(list) > 1)
		if i := slices.IndexFunc(all, func(q mesh.Port) bool { return q.Number == port.Number || q.Name == port.Name }); i >= 0 {
			c.refuse(at, "The port is left out, because the port %q with the number %d is before it. Give each port a separate name and number, or remove one of the two.", all[i].Name, all[i].Number)
			continue
		}
		if strings.EqualFold(p.GetProtocol(), "UDP") {
			c.warn(at+".protocol", "gRPC uses TCP. The port is left out. Remove it.")
			continue
		}
		c.protocol(at+".protocol", &port, p)
		switch target := p.GetTargetPort(); {
		case target > math.MaxUint16:
			c.refuse(at+".targetPort", "%d is not a port. The port is left out. Use a number from 1 to %d.", target, math.MaxUint16)
			continue
		case target != port.Number:
			port.Target = uint16(target)
		}
		all, fields = append(all, port), append(fields, at)
	}
	return all, fields
}

// portName reports a missing name, and one that Istio's validation refuses. Endpoints name ports by it.
func (c entryConverter) portName(at string, port *mesh.Port, several bool) {
	switch {
	case port.Name == "" && several:
		port.Name = fmt.Sprintf("port-%d", port.Number)
		validator{c.out}.remark(at, "The port has no name, which Istio's validation refuses. Its name is %q here. Write a name.", port.Name)
	case port.Name == "":
		validator{c.out}.remark(at, "The port has no name, which Istio's validation refuses. The ports of endpoints cannot name it. Write a name.")
	case len(validation.IsDNS1123Label(port.Name)) > 0:
		validator{c.out}.remark(at, "%q cannot be the name of a port, and Istio's validation refuses it. It is used here. Use lower-case letters, digits and hyphens.", port.Name)
	}
}

// entryProtocols are the protocols of Istio beside those of protocols. No rule depends on them.
var entryProtocols = []string{"tls", "mongo", "redis", "mysql", "hbone", "udp"}

// protocol sets the protocol of a port. A port that states none has that of its name, as a Service's.
func (c entryConverter) protocol(at string, port *mesh.Port, p *networking.ServicePort) {
	declared := corev1.ServicePort{Name: p.GetName()}
	if p.GetProtocol() != "" {
		declared.AppProtocol = &p.Protocol
	}
	declareProtocol(port, declared)
	switch text := strings.ToLower(p.GetProtocol()); {
	case text == "tls", text == "https":
		c.remark(at, "Clients encrypt calls by a DestinationRule or by their own credentials, not by the protocol of a port. Set tls.mode to SIMPLE in a DestinationRule for the host.")
	case text != "" && port.Protocol == "" && !slices.Contains(entryProtocols, text):
		c.out.Report(mesh.CodeInvalidValue, mesh.Warning, at, fmt.Sprintf("There is no protocol %q. Rules apply as if the port declared none. Write GRPC, or HTTP, HTTP2, TCP or TLS.", p.GetProtocol()))
	}
}

// checkAddresses reports addresses that do not do what their author may mean.
func (c entryConverter) checkAddresses(spec *networking.ServiceEntry, value *ServiceEntry) {
	named := func(h DeclaredHost) bool { return !mesh.IsWildcard(h.Name) }
	switch {
	case len(spec.GetAddresses()) == 0 || len(value.Hosts) == 0:
	case !slices.ContainsFunc(value.Hosts, named):
		c.warn("spec.addresses", "Clients dial an address in place of a host, and there are only wildcards, below which a client chooses the host. The addresses have no effect. Remove them, or list hosts.")
	case value.Resolution == networking.ServiceEntry_NONE && len(value.Addresses) > 0:
		c.warn("spec.addresses", "With resolution NONE a host is called under the addresses that its name resolves to. So is a client's call to one of these addresses, which need not be that server. To call the addresses, set resolution to STATIC and list them in endpoints; else remove them.")
	}
}

// addresses returns the IPs of the spec, or else those that Istio assigned.
func (c entryConverter) addresses(list []string, assigned []*networking.ServiceEntryAddress) []EntryAddress {
	var all []EntryAddress
	for i, text := range list {
		at := fmt.Sprintf("spec.addresses[%d]", i)
		prefix, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil {
			prefix, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		switch {
		case err != nil || prefix.Addr().Zone() != "":
			c.refuse(at, "%q is not an IP address. It has no effect. Write an address; names that clients dial belong in hosts.", text)
		case prefix.IsSingleIP() && (prefix.Addr().Unmap().IsLoopback() || !mesh.SameEverywhere(prefix.Addr())):
			c.refuse(at, "%q means each client's own machine or network. It has no effect. Write an address that means the same for all clients; they can dial the hosts, too.", text)
		case !prefix.IsSingleIP():
			c.warn(at, "Clients cannot dial a range of addresses by xDS. The range has no effect. List the addresses that clients dial.")
		default:
			all = append(all, EntryAddress{IP: prefix.Addr().Unmap().String()})
		}
	}
	if len(list) > 0 {
		return all
	}
	for _, a := range assigned {
		if ip, err := netip.ParseAddr(a.GetValue()); err == nil {
			all = append(all, EntryAddress{IP: ip.String(), Host: strings.ToLower(a.GetHost())})
		}
	}
	return all
}

// subjectAltNames leaves out names that no certificate has. Such a list is never empty if the author's is not.
func (c entryConverter) subjectAltNames(list []string) []string {
	for i, name := range list {
		if name == "" {
			c.refuse(fmt.Sprintf("spec.subjectAltNames[%d]", i), "The name is empty, and no certificate has an empty name. Encrypted calls fail. Remove the entry.")
		}
	}
	return slices.Clone(list)
}

// resolvedBy reads the annotation that says who resolves names.
func (c entryConverter) resolvedBy(annotations map[string]string) mesh.Resolution {
	switch text, ok := annotations[mesh.AnnotationResolve]; {
	case !ok:
	case text == "client":
		return mesh.ResolveClient
	case text == "server":
		return mesh.ResolveServer
	default:
		c.out.reportInvalid(mesh.AnnotationResolve, "%q is not a side that resolves names. The annotation is ignored. Use client or server.", text)
	}
	return mesh.ResolveNone
}
