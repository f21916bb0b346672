package assemble

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// backendTLSIndex keeps BackendTLSPolicies, and adds them to the DestinationRules of their targets.
type backendTLSIndex struct {
	policies map[object.ID]*object.BackendTLSPolicy
	// byHost finds the policies of a target.
	byHost index[string, *object.BackendTLSPolicy]
	// bound is what each target has.
	bound map[string]*boundTLS
	// dirty are the targets to bind again, missing those without a Service.
	dirty, missing map[string]struct{}
}

// boundTLS is what the policies of a target come to, and the DestinationRules that have it.
type boundTLS struct {
	list []*mesh.BackendTLS
	// rules has a copy of each DestinationRule with the list; nil is the key of the one for clients that have none.
	rules map[*mesh.MergedDestinationRule]*mesh.MergedDestinationRule
}

func newBackendTLSIndex() backendTLSIndex {
	return backendTLSIndex{
		policies: map[object.ID]*object.BackendTLSPolicy{}, byHost: index[string, *object.BackendTLSPolicy]{}, bound: map[string]*boundTLS{},
		dirty: map[string]struct{}{}, missing: map[string]struct{}{},
	}
}

func (r *rules) putBackendTLSPolicy(key object.Key, p *object.BackendTLSPolicy) {
	x := &r.backendTLS
	old := x.policies[key.ID()]
	if old != nil && p != nil && old.Equal(p) {
		return
	}
	each := func(p *object.BackendTLSPolicy, see func(host string)) {
		if p != nil {
			for _, t := range p.Targets {
				see(mesh.FullHost(t.Name, key.Namespace, r.domain))
			}
		}
	}
	each(old, func(host string) {
		x.byHost.remove(host, old)
		x.dirty[host] = struct{}{}
	})
	delete(x.policies, key.ID())
	each(p, func(host string) {
		x.byHost.add(host, p)
		x.dirty[host] = struct{}{}
	})
	if p != nil {
		x.policies[key.ID()] = p
	}
}

func (x *backendTLSIndex) each(visit func(object.Key, *object.BackendTLSPolicy)) {
	for id, p := range x.policies {
		visit(object.Key{Kind: object.KindBackendTLSPolicy, Namespace: id.Namespace, Name: id.Name}, p)
	}
}

// bindBackendTLS binds the policies of the targets that changed, and returns these targets.
func (r *rules) bindBackendTLS(b *worldBuilder) map[string]struct{} {
	x := &r.backendTLS
	for host := range b.touched {
		if len(x.byHost[host]) > 0 {
			x.dirty[host] = struct{}{}
		}
	}
	if len(b.moved) > 0 { // The Problem of a target without a Service names similar Services.
		for host := range x.missing {
			x.dirty[host] = struct{}{}
		}
	}
	dirty := take(&x.dirty)
	for host := range dirty {
		service := b.services.get(host)
		delete(x.missing, host)
		if service == nil && len(x.byHost[host]) > 0 {
			x.missing[host] = struct{}{}
		}
		list, problems := r.boundTo(host, service)
		if old := x.bound[host]; len(list) == 0 {
			delete(x.bound, host)
		} else if old == nil || !slices.EqualFunc(old.list, list, sameBackendTLS) {
			x.bound[host] = &boundTLS{list: list, rules: map[*mesh.MergedDestinationRule]*mesh.MergedDestinationRule{}}
		}
		r.problems.put(problemKey{topicAttached, object.Key{Kind: object.KindBackendTLSPolicy, Name: host}}, mesh.SortProblems(problems))
	}
	return dirty
}

func sameBackendTLS(a, b *mesh.BackendTLS) bool {
	return a.Policy == b.Policy && a.Port == b.Port && a.Target == b.Target // a policy that changed has another Spec
}

// boundTo returns what the policies of a host come to: of several for one port or for all, the oldest. A target that does not
// say which port it is for closes the ports that have no other policy.
func (r *rules) boundTo(host string, service *mesh.Service) (list []*mesh.BackendTLS, problems []mesh.Problem) {
	policies := slices.SortedFunc(slices.Values(r.backendTLS.byHost[host]), func(a, b *object.BackendTLSPolicy) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Written.Ref.Name, b.Written.Ref.Name))
	})
	var closed []*mesh.BackendTLS
	for _, p := range policies {
		for _, t := range p.Targets {
			if mesh.FullHost(t.Name, p.Written.Ref.Namespace, r.domain) != host {
				continue
			}
			at := fmt.Sprintf("spec.targetRefs[%d]", t.Index)
			tell := func(code mesh.Code, severity mesh.Severity, field, format string, args ...any) {
				problems = append(problems, mesh.Problem{Code: code, Severity: severity, Object: p.Written.Ref, Field: at + field, Message: fmt.Sprintf(format, args...)})
			}
			if service == nil {
				problems = append(problems, r.noSuchTarget(p, at, host))
				continue
			}
			b := &mesh.BackendTLS{Policy: p.Written, Target: t.Index, TLS: p.TLS, Refused: p.Refused || t.Closed, Author: p.Author(t)}
			if t.SectionName != "" {
				i := slices.IndexFunc(service.Ports, func(port mesh.Port) bool { return port.Name == t.SectionName })
				if i < 0 {
					tell(mesh.CodeNoSuchPort, mesh.Error, ".sectionName", "%s has no port with the name %q. Calls to each of its ports without other TLS settings fail, because it is not known which port is to be encrypted. %s",
						service.Ref, t.SectionName, nameOfPort(service, t.SectionName))
					b.Refused, closed = true, append(closed, b)
					continue
				}
				b.Port = service.Ports[i].Number
			}
			if t.Closed {
				closed = append(closed, b)
				continue
			}
			if i := slices.IndexFunc(list, b.SamePort); i >= 0 {
				tell(mesh.CodeConflict, mesh.Warning, "", "%s is older, or first by name, and for the same calls to %s. This object has no effect on them. Remove one of the two.", list[i].Policy.Ref, service.Ref)
				continue
			}
			list = append(list, b)
		}
	}
	for _, b := range closed {
		if !slices.ContainsFunc(list, func(o *mesh.BackendTLS) bool { return o.Port == 0 || b.SamePort(o) }) {
			list = append(list, b)
		}
	}
	return list, problems
}

// noSuchTarget is the Problem of a target without a Service. It is an error if another Service is probably meant, because the calls
// to that one are not encrypted.
func (r *rules) noSuchTarget(p *object.BackendTLSPolicy, at, host string) mesh.Problem {
	key := object.Key{Kind: object.KindBackendTLSPolicy, Namespace: p.Written.Ref.Namespace, Name: p.Written.Ref.Name}
	missing := r.noSuchReference(key, at, host, "The object encrypts no calls to it.", func(string) string { return "Move the object there." })
	missing.Field = at + ".name" // A target has no namespace.
	if r.meant(host) != "" {
		missing.Severity = mesh.Error
	}
	return missing
}

// extend returns the DestinationRules of a Service with its BackendTLSPolicies, which also apply to clients that have no
// DestinationRule. table may be nil.
func (x *backendTLSIndex) extend(service *mesh.Service, root string, table *mesh.DestinationRuleSet) *mesh.DestinationRuleSet {
	bound := x.bound[service.Host]
	if bound == nil {
		return table
	}
	if table == nil {
		table = &mesh.DestinationRuleSet{Host: service.Host, ServiceNamespace: service.Ref.Namespace, RootNamespace: root}
	}
	before := bound.rules
	bound.rules = map[*mesh.MergedDestinationRule]*mesh.MergedDestinationRule{}
	for i := range table.Candidates {
		c := &table.Candidates[i]
		c.Rule = bound.rule(before, c.Rule, service.Host, clientsOf(*c, table))
	}
	// Last of all rules come those of the root namespace, and last of these the one without any other setting.
	all := mesh.DestinationRuleCandidate{Namespace: root, Export: mesh.Export{Public: true}, Rule: bound.rule(before, nil, service.Host, "")}
	at := 0
	for i, c := range table.Candidates {
		if c.Namespace <= root {
			at = i + 1
		}
	}
	table.Candidates = slices.Insert(table.Candidates, at, all)
	return table
}

// clientsOf says to which clients alone a rule applies; empty if it applies to all that no other rule comes first for.
func clientsOf(c mesh.DestinationRuleCandidate, table *mesh.DestinationRuleSet) string {
	own := "clients in namespace " + c.Namespace
	switch {
	case len(c.Rule.Selector) > 0:
		return own + " with the labels of its workloadSelector"
	case c.Rule.Selector != nil, c.Namespace != table.ServiceNamespace && c.Namespace != table.RootNamespace:
		return own
	case c.Export.Public:
		return ""
	}
	namespaces := slices.Clone(c.Export.Namespaces)
	if c.Export.Private {
		namespaces = append(namespaces, c.Namespace)
	}
	slices.Sort(namespaces)
	return "clients in " + inNamespaces(namespaces)
}

// rule returns the copy of a rule with the list and the clients that it is for. One that was made before keeps its pointer.
func (t *boundTLS) rule(before map[*mesh.MergedDestinationRule]*mesh.MergedDestinationRule, of *mesh.MergedDestinationRule, host, clients string) *mesh.MergedDestinationRule {
	if known := before[of]; known != nil && known.Clients == clients {
		t.rules[of] = known
		return known
	}
	extended := mesh.MergedDestinationRule{Host: host}
	if of != nil {
		extended = *of
	}
	extended.BackendTLS, extended.Clients = t.list, clients
	t.rules[of] = &extended
	return &extended
}
