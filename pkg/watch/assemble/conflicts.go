package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// otherNamespaces represents the clients of all namespaces that no export names.
const otherNamespaces = ""

// conflicts reports the DestinationRules for one host that are never used, because DestinationRules of the same
// namespace for the same host, exported otherwise, take precedence for every client.
func (x *policyIndex) conflicts(host string) []mesh.Problem {
	byNamespace := map[string][]mesh.DestinationRuleCandidate{}
	for _, c := range candidates(x.hosts.under(host)) {
		if c.Share.Part == mesh.Rest {
			continue
		}
		c.Share = mesh.Share{}
		byNamespace[c.Namespace] = append(byNamespace[c.Namespace], c)
	}
	var problems []mesh.Problem
	for namespace, list := range byNamespace {
		if len(list) < 2 {
			continue
		}
		// The set is evaluated as for a Service of that namespace, where a rule applies to the most clients.
		table := &mesh.DestinationRuleSet{Host: host, Candidates: list, ServiceNamespace: namespace}
		probes := policyProbes(namespace, list)
		used := map[*mesh.MergedDestinationRule]struct{}{}
		for _, p := range probes {
			used[table.For(p.namespace, p.labels, 0)] = struct{}{}
		}
		for _, c := range list {
			if _, ok := used[c.Rule]; ok {
				continue
			}
			// No client uses it. If it is visible to any client, another policy takes precedence there.
			if i := slices.IndexFunc(probes, func(p probe) bool { return c.VisibleTo(p.namespace, p.labels) }); i >= 0 {
				winner := table.For(probes[i].namespace, probes[i].labels, 0)
				problems = append(problems, shadowed(c.Rule.Refs[0], "spec.host", host, winner.Refs[:1]))
			}
		}
	}
	return mesh.SortProblems(problems)
}

// conflicts reports the VirtualServices for one host that are never used, because Routes or other VirtualServices for the
// same host take precedence for every call to which they could apply, and those that Routes leave some ports. service is the
// host's Service, or nil. attached are the compiled Routes.
func (x *routeIndex) conflicts(host string, service *mesh.Service, attached []mesh.VirtualServiceCandidate) []mesh.Problem {
	list := slices.DeleteFunc(inOrder(x.hosts.under(host)), func(h *routesEntry) bool { return h.key.Held })
	if len(list) == 0 || len(list)+len(attached) < 2 {
		return nil
	}
	table := &mesh.VirtualServiceSet{Host: host, Candidates: slices.Clone(attached)}
	probes := map[string]struct{}{otherNamespaces: {}}
	for _, c := range attached {
		probes[c.VirtualService.Ref.Namespace] = struct{}{}
	}
	for _, h := range list {
		table.Candidates = append(table.Candidates, mesh.VirtualServiceCandidate{Host: host, VirtualService: h.routes, Export: h.Export})
		probes[h.key.Namespace] = struct{}{}
		for _, n := range h.Export.Namespaces {
			probes[n] = struct{}{}
		}
	}
	var ports []mesh.Port
	if service != nil {
		ports = service.Ports
	}
	var problems []mesh.Problem
	for _, h := range list {
		winners, partly, holds := h.rivals(table, probes, ports)
		switch {
		case !holds && len(winners) > 0:
			problems = append(problems, shadowed(h.key.Ref(), h.fieldOf(host), host, winners))
		case len(partly) > 0:
			problems = append(problems, outranked(h.key.Ref(), h.fieldOf(host), host, partly))
		}
	}
	return mesh.SortProblems(problems)
}

// rivals returns what applies to clients that see a VirtualService, which of it are Routes that come before it, and whether it
// is itself used.
func (h *routesEntry) rivals(table *mesh.VirtualServiceSet, probes map[string]struct{}, ports []mesh.Port) (winners, routes []mesh.Ref, holds bool) {
	for probe := range probes {
		if !h.Export.VisibleTo(h.key.Namespace, probe) {
			continue
		}
		before := true
		for used := range table.For(probe).Used(ports).All() {
			if before = before && used != h.routes; before && used.Compiled() {
				routes = append(routes, used.Refs()...)
			}
			holds = holds || used == h.routes
			winners = append(winners, used.Refs()...)
		}
	}
	return winners, routes, holds
}

// outranked is the Problem of a VirtualService to which Routes leave some calls.
func outranked(loser mesh.Ref, field, host string, winners []mesh.Ref) mesh.Problem {
	mesh.SortFunc(winners, mesh.Ref.Compare)
	winners = slices.Compact(winners)
	return mesh.Problem{
		Code: mesh.CodeConflict, Severity: mesh.Info, Object: loser, Field: field,
		Message: fmt.Sprintf("For %s, %s for some ports or clients, and a Route takes precedence over a VirtualService. These rules apply to the rest. Remove the rules for those ports, or the Route.", host, winnerNames(winners)),
	}
}

func shadowed(loser mesh.Ref, field, host string, winners []mesh.Ref) mesh.Problem {
	mesh.SortFunc(winners, mesh.Ref.Compare)
	winners = slices.Compact(winners)
	texts := make([]string, len(winners))
	for i, w := range winners {
		texts[i] = w.String()
	}
	take, wayOut := "takes", "Merge the two, or remove this one."
	if len(winners) > 1 {
		take, wayOut = "together take", "Merge it into these, or remove it."
	}
	return mesh.Problem{
		Code: mesh.CodeConflict, Severity: mesh.Warning, Object: loser, Field: field,
		Message: fmt.Sprintf("It is never used for %s because %s %s precedence for every client. %s", host, strings.Join(texts, " and "), take, wayOut),
	}
}
