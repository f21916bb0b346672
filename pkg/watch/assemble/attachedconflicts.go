package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// outrankedRoutes reports the Routes for whose calls VirtualServices take precedence in some namespaces, because they are private
// to these namespaces, or exported to them by name. Routes of a parent's namespace are for all clients.
func (r *rules) outrankedRoutes(host string) []mesh.Problem {
	if len(r.attached.tables[host]) == 0 {
		return nil
	}
	table := r.routes.table(host, r.hosts[host], nil, r.attached.candidates)
	winners := map[mesh.Ref]map[string]struct{}{} // the namespaces of the clients of each
	for _, c := range table.Candidates {
		namespaces := slices.Clone(c.Export.Namespaces)
		if c.Export.Private {
			namespaces = append(namespaces, c.VirtualService.Ref.Namespace)
		}
		for _, namespace := range namespaces {
			list := slices.Collect(table.For(namespace).All())
			if i := slices.IndexFunc(list, (*mesh.VirtualService).Compiled); i > 0 && slices.Contains(list[:i], c.VirtualService) {
				winners[c.VirtualService.Ref] = with(winners[c.VirtualService.Ref], namespace)
			}
		}
	}
	var problems []mesh.Problem
	for winner, namespaces := range winners {
		names := slices.Sorted(maps.Keys(namespaces))
		for _, a := range r.attached.byHost[host] {
			for _, p := range a.parents {
				if _, has := a.effect[host]; has && p.host == host && !a.Consumer(p.ref) {
					problems = append(problems, mesh.Problem{
						Code: mesh.CodeConflict, Severity: mesh.Info, Object: a.key.Ref(), Field: fmt.Sprintf("spec.parentRefs[%d]", p.ref.Index),
						Message: fmt.Sprintf("%s is exported to %s and not to all, so there it takes precedence over a Route that is for all clients. Remove its exportTo if these clients should follow the Route.", winner, inNamespaces(names)),
					})
				}
			}
		}
	}
	return mesh.SortProblems(problems)
}

func inNamespaces(names []string) string {
	if len(names) == 1 {
		return "namespace " + names[0]
	}
	return "namespaces " + strings.Join(names, ", ")
}

// outrankedPatterns reports the hosts with a wildcard of a VirtualService that cover hosts with Routes, which take precedence.
func (r *rules) outrankedPatterns(h *routesEntry) (problems []mesh.Problem) {
	for i, pattern := range h.fullHosts {
		if !mesh.IsWildcard(pattern) {
			continue
		}
		var winners []mesh.Ref
		for host, tables := range r.attached.tables {
			if !r.hosts.covers(pattern, host) {
				continue
			}
			for _, t := range tables {
				if t.consumer == "" && h.Export.Public || t.consumer != "" && h.Export.VisibleTo(h.key.Namespace, t.consumer) {
					winners = append(winners, t.routes.Refs()...)
				}
			}
		}
		if len(winners) == 0 {
			continue
		}
		mesh.SortFunc(winners, mesh.Ref.Compare)
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeConflict, Severity: mesh.Info, Object: h.key.Ref(), Field: h.Hosts[i].Field,
			Message: fmt.Sprintf("%s for a host that %s covers, and a Route takes precedence over a VirtualService. These rules apply to the rest. Remove the Route if its calls need them.", winnerNames(slices.Compact(winners)), h.Hosts[i].Name),
		})
	}
	return problems
}

// recheckPatterns marks the patterns that cover the hosts whose Routes changed, and adds to the hosts those with Routes that the
// declared wildcards cover.
func (r *rules) recheckPatterns(hosts, declared map[string]struct{}) {
	for host := range hosts {
		for _, tier := range r.routes.hosts.tiers(host, r.hosts[host]) {
			if mesh.IsWildcard(tier.pattern) {
				r.patterns[tier.pattern] = struct{}{}
			}
		}
	}
	for pattern := range declared {
		if !mesh.IsWildcard(pattern) {
			continue
		}
		for host := range r.attached.tables {
			if r.hosts.covers(pattern, host) {
				hosts[host] = struct{}{}
			}
		}
	}
}
