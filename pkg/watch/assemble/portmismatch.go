package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// checkPortNames compares the names of a Service's ports with the names under which there are endpoints, which belong to a
// port by its name. It looks at groups of addresses and not at each address.
func (x *endpointIndex) checkPortNames(service *mesh.Service) []mesh.Problem {
	if service.ResolvedByClients() || len(service.Ports) == 0 {
		return nil
	}
	found := x.portsWithEndpoints(service)
	var without []string
	strange := maps.Clone(found)
	for _, p := range service.Ports {
		delete(strange, p.Name)
		if _, ok := found[p.Name]; !ok {
			without = append(without, p.Name)
		}
	}
	if len(found) == 0 || len(without)+len(strange) == 0 {
		return nil
	}
	slices.Sort(without)
	p := mesh.Problem{Code: mesh.CodeEndpointPortMismatch, Severity: mesh.Warning, Object: service.Ref, Field: "spec.ports"}
	switch {
	case len(strange) == 0:
		p.Message = fmt.Sprintf("There are no endpoints for %s: %s has addresses for %s. Calls to a port without endpoints fail. Add the port to the endpoints, or correct its targetPort.",
			portNames(without), firstOf(found), portNames(slices.Sorted(maps.Keys(found))))
	case len(without) == 0:
		p.Severity = mesh.Info
		p.Message = fmt.Sprintf("%s has addresses for %s, which the Service does not have. No calls go there. Add the port to the Service, or remove it from the endpoints.",
			firstOf(strange), portNames(slices.Sorted(maps.Keys(strange))))
	default:
		p.Message = fmt.Sprintf("%s has addresses for %s, which the Service does not have. Endpoints belong to a port by its name, so calls to %s fail. Write the same name in both.",
			firstOf(strange), portNames(slices.Sorted(maps.Keys(strange))), portNames(without))
	}
	return []mesh.Problem{p}
}

// portsWithEndpoints returns the names under which there are addresses, with the first object that has some.
func (x *endpointIndex) portsWithEndpoints(service *mesh.Service) map[string]object.Key {
	found := map[string]object.Key{}
	for h := range x.used(service) {
		for _, g := range h.Groups {
			for _, p := range g.Ports {
				if first, ok := found[p.Name]; len(g.Addresses) > 0 && (!ok || h.key.Compare(first) < 0) {
					found[p.Name] = h.key
				}
			}
		}
	}
	return found
}

// firstOf returns the first of the objects.
func firstOf(found map[string]object.Key) mesh.Ref {
	return slices.MinFunc(slices.Collect(maps.Values(found)), object.Key.Compare).Ref()
}

// portNames lists names of ports.
func portNames(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		if quoted[i] = fmt.Sprintf("%q", name); name == "" {
			quoted[i] = "a port without a name"
		}
	}
	return strings.Join(quoted, ", ")
}
