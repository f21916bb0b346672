package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// maxNamedPorts limits the ports that a message lists.
const maxNamedPorts = 8

// portMatch is a match by port, and its field.
type portMatch struct {
	field string
	match mesh.SourceMatch
}

// portMatches returns the matches of a VirtualService that name a port.
func (h *routesEntry) portMatches() []portMatch {
	var all []portMatch
	add := func(section string, i, j int, m mesh.SourceMatch) {
		if m.GetPort() != 0 {
			all = append(all, portMatch{fmt.Sprintf("spec.%s[%d].match[%d].port", section, i, j), m})
		}
	}
	for i, rule := range h.Spec.GetHttp() {
		for j, m := range rule.GetMatch() {
			add("http", i, j, m)
		}
	}
	for i, rule := range h.Spec.GetTcp() {
		for j, m := range rule.GetMatch() {
			add("tcp", i, j, m)
		}
	}
	return all
}

// checkPorts reports matches by a port that no Service of the VirtualService's hosts has. Clients may dial any port of
// a serviceless host, so its VirtualServices are not checked.
func (r *rules) checkPorts(b *worldBuilder, h *routesEntry) []mesh.Problem {
	matches := h.portMatches()
	if len(matches) == 0 {
		return nil
	}
	roots := []*routesEntry{h}
	if h.isDelegate() {
		roots = r.routes.delegators[h.key.ID().Current()]
	}
	services, gateways := map[string]*mesh.Service{}, false
	for _, root := range roots {
		gateways = gateways || root.Gateways
		for _, host := range root.fullHosts {
			if !r.addServices(b, host, services) {
				return nil
			}
		}
	}
	return missingPorts(h, matches, services, gateways)
}

// addServices adds the Services that a declared host covers, and returns false if calls to it may have any port.
func (r *rules) addServices(b *worldBuilder, host string, services map[string]*mesh.Service) bool {
	for name := range r.hosts.covered(host) {
		if service := b.services.get(name); service != nil {
			services[name] = service
		}
	}
	return services[host] != nil || !serviceless(host, r.domain)
}

func missingPorts(h *routesEntry, matches []portMatch, services map[string]*mesh.Service, gateways bool) []mesh.Problem {
	if len(services) == 0 {
		return nil
	}
	ports := map[uint32]struct{}{}
	for _, s := range services {
		for _, p := range s.Ports {
			ports[p.Number] = struct{}{}
		}
	}
	var problems []mesh.Problem
	for _, m := range matches {
		if _, ok := ports[m.match.GetPort()]; ok || gateways && !onlyMesh(m.match.GetGateways()) {
			continue
		}
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeNoSuchPort, Severity: mesh.Warning, Object: h.key.Ref(), Field: m.field,
			Message: fmt.Sprintf("%s no port %d. The match is never used. %s", subjectOf(services), m.match.GetPort(), choices(ports)),
		})
	}
	return problems
}

// onlyMesh reports whether a match is for no gateway but the mesh's.
func onlyMesh(gateways []string) bool {
	return len(gateways) > 0 && !slices.ContainsFunc(gateways, func(g string) bool { return g != mesh.MeshGateway })
}

func subjectOf(services map[string]*mesh.Service) string {
	if len(services) == 1 {
		for _, s := range services {
			return s.Ref.String() + " has"
		}
	}
	return "The Services of the hosts have"
}

func choices(ports map[uint32]struct{}) string {
	if len(ports) == 0 || len(ports) > maxNamedPorts {
		return "Write the port of a Service, not its targetPort."
	}
	var numbers []string
	for _, p := range slices.Sorted(maps.Keys(ports)) {
		numbers = append(numbers, strconv.FormatUint(uint64(p), 10))
	}
	return fmt.Sprintf("Write a port of the Service, not a targetPort: %s.", strings.Join(numbers, ", "))
}

// nameOfPort says which names of ports there are in place of one that the Service does not have.
func nameOfPort(service *mesh.Service, written string) string {
	var names []string
	for _, port := range service.Ports {
		switch {
		case port.Name == "": // Then it is the only one.
			return "Its port has no name. Remove sectionName."
		case written == strconv.FormatUint(uint64(port.Number), 10):
			return fmt.Sprintf("Write the name of port %s: %s.", written, port.Name)
		}
		names = append(names, port.Name)
	}
	switch meant := mesh.Nearest(written, names); {
	case meant != "":
		return fmt.Sprintf("Did you mean %q? Correct the name.", meant)
	case len(names) == 0 || len(names) > maxNamedPorts:
		return "Write the name of one of its ports."
	}
	return "Write the name of one of its ports: " + strings.Join(names, ", ") + "."
}
