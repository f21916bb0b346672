package snapshot

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Near says what a client may mean by a name that does not exist.
type Near struct {
	// Dial is a name that exists; empty if there is no name for the client to dial.
	Dial string `json:"dial,omitempty"`
	// Text says why, and what to do.
	Text string `json:"text"`
}

// maxNear bounds what is said about one name.
const maxNear = 4

// nearFinders are tried in this order. The first that finds anything knows what is wrong with the name.
var nearFinders = []func(*Snapshot, query) []Near{nearPorts, leftOut, notExported, nearPods, addressOfEndpoint, otherDomain, nearNames}

// Near says what a client that dials a name may mean, the most probable first. The name is one for which Resource
// returns a Listener that is NotFound.
func (s *Snapshot) Near(name string, client mesh.Client) []Near {
	q := s.query(ListenerType, name, client)
	for _, find := range nearFinders {
		if found := find(s, q); len(found) > 0 {
			return found[:min(len(found), maxNear)]
		}
	}
	return nil
}

// nearPorts: the host exists, and the port does not.
func nearPorts(s *Snapshot, q query) []Near {
	host := q.dialed.Host
	if service, ok := s.world.Addresses.Get(host); ok {
		host = service.Host
	}
	h, ok := s.serviceFor(host, q.client)
	if pod, service, isPod := q.podOf(s.world.Domain); !ok && isPod {
		if h, ok = s.serviceFor(service, q.client); ok {
			ok = h.pod(pod) != nil
		}
	}
	if !ok {
		return nil
	}
	spelled := strings.TrimSuffix(q.name, ":"+q.dialed.Port)
	service := h.facts.Service
	if len(service.Ports) == 0 {
		return []Near{{Text: fmt.Sprintf("%s %s", service.Ref, s.whyNoPorts(h.facts.Alias))}}
	}
	if q.client.Kind.Family() == mesh.FamilyHTTP {
		return nearHTTPPorts(h, spelled, q)
	}
	var found []Near
	for _, port := range service.Ports {
		dial := resource.ListenerName(port.Number, spelled)
		near := Near{dial, fmt.Sprintf("%s has port %s: dial %s", service.Ref, portText(port), dial)}
		if q.dialed.Port != "" && q.dialed.Port == h.targetPort(port) {
			near.Text = fmt.Sprintf("%s is the targetPort of port %s of %s: dial %s", q.dialed.Port, portText(port), service.Ref, dial)
			found = slices.Insert(found, 0, near)
			continue
		}
		found = append(found, near)
	}
	return found
}

// nearHTTPPorts names the ports that an HTTP client can call, in one text: the author may declare one of them instead.
func nearHTTPPorts(h *subject, spelled string, q query) []Near {
	name := h.facts.Service.Ref
	var texts []string
	first := ""
	for _, port := range h.facts.Service.Ports {
		if !mesh.FamilyHTTP.Takes(port.Protocol) {
			continue
		}
		dial := resource.ListenerName(port.Number, spelled)
		if q.dialed.Port != "" && q.dialed.Port == h.targetPort(port) {
			return []Near{{dial, fmt.Sprintf("%s is the targetPort of port %s of %s: %s", q.dialed.Port, portText(port), name, q.advice(dial))}}
		}
		texts, first = append(texts, portText(port)), cmp.Or(first, dial)
	}
	ports := "port " + strings.Join(texts, ", ")
	if len(texts) > 1 {
		ports = "the ports " + strings.Join(texts, ", ")
	}
	switch {
	case first == "":
		return []Near{{Text: fmt.Sprintf("%s has only ports for gRPC, which HTTP clients do not call: call it by gRPC, or add a port for HTTP", name)}}
	case q.dialed.Port != "":
		return []Near{{first, fmt.Sprintf("HTTP clients can call %s of %s: %s", ports, name, q.advice(first))}}
	}
	return []Near{{first, fmt.Sprintf("%s has %s, and a URI without a port does not say which: %s, or declare only one port as HTTP with appProtocol: http", name, ports, q.advice(first))}}
}

// advice says by which name the client should reach a Service.
func (q query) advice(dial string) string {
	if q.client.Kind.Family() == mesh.FamilyHTTP {
		return "call http://" + dial
	}
	return "dial " + dial
}

// whyNoPorts says of a Service why clients cannot dial any port of it. alias is nil if it is not another name.
func (s *Snapshot) whyNoPorts(alias *mesh.Alias) string {
	switch {
	case alias == nil:
		return "has no TCP port"
	case alias.Refused:
		return fmt.Sprintf("is another name for %s, and a DestinationRule for it sets TLS, which has no effect there: set its host to %s", alias.Host, alias.Host)
	case alias.Service != nil:
		return fmt.Sprintf("is another name for %s, and %s has no TCP port", alias.Host, alias.Service.Ref)
	}
	if _, ok := s.world.Services.Get(alias.Host); ok {
		return fmt.Sprintf("names %s, and the names lead in a circle: set its externalName to a Service that has endpoints", alias.Host)
	}
	return fmt.Sprintf("names %s, which no Service has: create that Service, or correct its externalName", alias.Host)
}

// targetPort returns the number at which the first endpoint serves a port; empty if there is none.
func (h *subject) targetPort(port mesh.Port) string {
	if h.facts.Endpoints == nil || len(h.facts.Endpoints.Endpoints) == 0 {
		return ""
	}
	number, ok := h.facts.Endpoints.Endpoints[0].Port(port.Name)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(number), 10)
}

func portText(port mesh.Port) string {
	if port.Name == "" {
		return strconv.FormatUint(uint64(port.Number), 10)
	}
	return fmt.Sprintf("%d (%s)", port.Number, port.Name)
}

// notExported: the host exists, and the client cannot see it, or cannot dial this port of it.
func notExported(s *Snapshot, q query) []Near {
	h, ok := s.subjects.Get(q.dialed.Host)
	if ok && !h.serviceless() {
		return []Near{{Text: fmt.Sprintf("%s has the name, and is not exported to namespace %s", h.facts.Service.Ref, q.client.Namespace)}}
	}
	h, ok = s.servicelessFor(q.dialed.Host)
	if !ok {
		return nil
	}
	if rules := h.facts.VirtualServices.ForClient(q.client); !rules.Empty() {
		dial := resource.ListenerName(defaultServicelessPort, q.dialed.Host)
		return []Near{{dial, fmt.Sprintf("VirtualService %s declares the host, and no Service names its ports: dial a number, such as %s", refName(rules.First().Ref), dial)}}
	}
	return []Near{{Text: "a VirtualService declares the host, and is not exported to namespace " + q.client.Namespace}}
}

// nearPods: the Service of a pod exists, and the pod does not.
func nearPods(s *Snapshot, q query) []Near {
	pod, host, ok := q.podOf(s.world.Domain)
	if !ok {
		return nil
	}
	h, ok := s.serviceFor(host, q.client)
	if !ok {
		return nil
	}
	near := Near{Text: fmt.Sprintf("%s has no endpoint with the name %s", h.facts.Service.Ref, pod)}
	if h.facts.Endpoints != nil {
		var names []string
		for i := range h.facts.Endpoints.Endpoints {
			names = append(names, h.facts.Endpoints.Endpoints[i].DNSName())
		}
		if meant := mesh.Nearest(pod, names); meant != "" {
			near.Dial = meant + "." + s.spelled(h.facts.Service, q)
			near.Text += ": did you mean " + near.Dial + "?"
		}
	}
	return []Near{near}
}

// addressOfEndpoint: the name is an address which is not a cluster IP.
func addressOfEndpoint(s *Snapshot, q query) []Near {
	address, err := netip.ParseAddr(q.dialed.Host)
	if err != nil {
		return nil
	}
	text, sidecar := address.String(), q.client.Sidecar
	q.client.Sidecar = nil
	var found, hidden []Near
	for host, set := range s.world.Endpoints.All() {
		service, ok := s.visible(host, q)
		if !ok || !slices.ContainsFunc(set.Endpoints, func(e mesh.Endpoint) bool { return e.Address == text || e.Additional == text }) {
			continue
		}
		if !sidecar.Sees(q.client.Namespace, service.Ref.Namespace, service.Host) {
			hidden = append(hidden, Near{Text: fmt.Sprintf("%s is an endpoint of %s, and %s", text, service.Ref, hiddenBy(sidecar, q.client.Namespace, service.Ref, service.Host))})
			continue
		}
		dial := s.spelled(service, q)
		found = append(found, Near{dial, fmt.Sprintf("%s is an endpoint of %s: %s", text, service.Ref, q.advice(dial))})
	}
	if found == nil && hidden == nil {
		return []Near{{Text: text + " is neither the cluster IP of a Service nor an endpoint: dial the name of a Service"}}
	}
	byText := func(a, b Near) int { return cmp.Or(cmp.Compare(a.Dial, b.Dial), cmp.Compare(a.Text, b.Text)) }
	mesh.SortFunc(found, byText)
	mesh.SortFunc(hidden, byText)
	return append(found, hidden...)
}

// otherDomain: the name has the form of a Service's host, in another domain than the cluster's.
func otherDomain(s *Snapshot, q query) []Near {
	labels := strings.Split(q.dialed.Host, ".")
	if len(labels) < 3 || strings.HasSuffix(q.dialed.Host, ".svc."+s.world.Domain) {
		return nil
	}
	service, ok := s.visible(mesh.FullHost(labels[0]+"."+labels[1], "", s.world.Domain), q)
	if !ok {
		return nil
	}
	dial := s.spelled(service, q)
	return []Near{{dial, fmt.Sprintf("the hosts of Services end in .svc.%s: %s for %s", s.world.Domain, q.advice(dial), service.Ref)}}
}

// nearNames: the host does not exist.
func nearNames(s *Snapshot, q query) []Near {
	if !strings.HasSuffix(q.dialed.Host, ".svc."+s.world.Domain) {
		return nearServiceless(s, q)
	}
	near := mesh.NearHostsOf(q.dialed.Host, s.world.Domain, s.visibleHosts(q))
	var found []Near
	for _, host := range near.Elsewhere {
		service, _ := s.visible(host, q)
		dial := s.spelled(service, q)
		found = append(found, Near{dial, fmt.Sprintf("%s has the name: %s", service.Ref, q.advice(dial))})
	}
	if service, ok := s.visible(cmp.Or(near.Similar, near.Remote), q); ok {
		dial := s.spelled(service, q)
		found = slices.Insert(found, min(len(found), maxNear-1), Near{dial, fmt.Sprintf("did you mean %s?", dial)})
	}
	return found
}

// nearServiceless finds a host that only a VirtualService declares.
func nearServiceless(s *Snapshot, q query) []Near {
	var names []string
	for host, h := range s.subjects.All() {
		if h.serviceless() && !mesh.IsWildcard(host) && !h.facts.VirtualServices.ForClient(q.client).Empty() {
			names = append(names, host)
		}
	}
	slices.Sort(names)
	meant := mesh.Nearest(q.dialed.Host, names)
	if meant == "" {
		return nil
	}
	return []Near{{meant, fmt.Sprintf("did you mean %s?", meant)}}
}

// visibleHosts yields the hosts of the Services that the client can see, except those of which it can call no port.
func (s *Snapshot) visibleHosts(q query) iter.Seq[string] {
	return func(yield func(string) bool) {
		for host, service := range s.world.Services.All() {
			if service.SeenBy(q.client) && q.canCall(service) && !yield(host) {
				return
			}
		}
	}
}

// canCall reports whether the client can call a port of the Service, or the Service has no port at all.
func (q query) canCall(service *mesh.Service) bool {
	return len(service.Ports) == 0 || slices.ContainsFunc(service.Ports, func(p mesh.Port) bool { return q.client.Kind.Family().Takes(p.Protocol) })
}

func (s *Snapshot) visible(host string, q query) (*mesh.Service, bool) {
	service, ok := s.world.Services.Get(host)
	return service, ok && service.SeenBy(q.client)
}

// spelled returns the short name by which the client dials a Service: with the dialed port if the Service has it, and
// else with a port if it needs one.
func (s *Snapshot) spelled(service *mesh.Service, q query) string {
	name := strings.TrimSuffix(service.Host, ".svc."+s.world.Domain)
	if service.Ref.Namespace == q.client.Namespace {
		name = service.Ref.Name
	}
	if _, ok := q.dialed.Find(service, q.client.Kind.Family()); ok && q.dialed.Port != "" {
		return name + ":" + q.dialed.Port
	}
	family := q.client.Kind.Family()
	if _, ok := service.DefaultPort(family); ok {
		return name
	}
	for _, port := range service.Ports {
		if family.Takes(port.Protocol) {
			return resource.ListenerName(port.Number, name)
		}
	}
	return name
}

func refName(ref mesh.Ref) string { return ref.Namespace + "/" + ref.Name }
