package assemble

import (
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// exported is who can see an object.
type exported struct {
	owner string
	mesh.Export
}

// exportOf returns who can see a Service.
func exportOf(s *mesh.Service) exported {
	if s.Export == nil {
		return exported{s.Ref.Namespace, mesh.Export{Public: true}}
	}
	return exported{s.Ref.Namespace, *s.Export}
}

// meets reports whether clients of any namespace see both objects.
func (e exported) meets(o exported) bool {
	probes := slices.Concat([]string{otherNamespaces, e.owner, o.owner}, e.Namespaces, o.Namespaces)
	return slices.ContainsFunc(probes, func(n string) bool { return e.VisibleTo(e.owner, n) && o.VisibleTo(o.owner, n) })
}

// unseen returns a Service that a pattern covers, if no client that sees any such Service sees the other object; else nil.
// A Service that is exported to no client does not count: it has a Problem for that, or its author wants it.
func (r *rules) unseen(b *worldBuilder, pattern string, sees func(*mesh.Service) bool) *mesh.Service {
	var first *mesh.Service
	for host := range r.hosts.covered(pattern) {
		s := b.services.get(host)
		switch {
		case s == nil || exportOf(s).None():
		case sees(s):
			return nil
		case first == nil || s.Host < first.Host:
			first = s
		}
	}
	return first
}

// unseenHosts reports the hosts of a VirtualService whose Services no client can see that sees the VirtualService.
func (r *rules) unseenHosts(b *worldBuilder, h *routesEntry) []mesh.Problem {
	own := exported{h.key.Namespace, h.Export}
	if own.None() || h.Gateways {
		return nil
	}
	var problems []mesh.Problem
	for i, host := range h.fullHosts {
		if s := r.unseen(b, host, func(s *mesh.Service) bool { return own.meets(exportOf(s)) }); s != nil {
			problems = append(problems, unreachable(h.key, h.Hosts[i].Field,
				"%s is not exported to a namespace to which this object is. No client uses the rules for it. Export both to the namespaces of its clients.", s.Ref))
		}
	}
	return problems
}

// unusedRule reports a DestinationRule that applies to no client of its host: clients look for DestinationRules only in
// their own namespace, in the Service's and in the root namespace.
func (r *rules) unusedRule(b *worldBuilder, g *ruleGroup, rule *ruleEntry) []mesh.Problem {
	own := exported{g.key.namespace, rule.Export}
	if selectorOf(rule.Spec) != nil {
		own.Export = mesh.Export{Private: true}
	}
	if own.None() {
		return nil
	}
	home := own.VisibleTo(own.owner, own.owner)
	found := func(s *mesh.Service) bool {
		if own.owner == s.Ref.Namespace || own.owner == r.root {
			return own.meets(exportOf(s))
		}
		return home && s.VisibleTo(own.owner)
	}
	s := r.unseen(b, g.key.host, found)
	switch {
	case s == nil:
		return nil
	case !home && own.owner != s.Ref.Namespace && own.owner != r.root:
		return []mesh.Problem{unreachable(rule.key, "spec.exportTo",
			"Clients look for DestinationRules in their own namespace and in those of %s and of the whole mesh, %q. This one is in another, and its clients do not see it. Move it, or export it to its own namespace.",
			s.Ref, r.root)}
	}
	return []mesh.Problem{unreachable(rule.key, rule.Host.Field,
		"%s is not exported to a namespace to which this object applies. No client uses this object. Move it to the namespace of the Service, or export the Service.", s.Ref)}
}

func unreachable(key object.Key, field, format string, args ...any) mesh.Problem {
	return mesh.Problem{Code: mesh.CodeUnreachable, Severity: mesh.Warning, Object: key.Ref(), Field: field, Message: fmt.Sprintf(format, args...)}
}
