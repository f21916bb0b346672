package assemble

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// aliasIndex finds the Services of type ExternalName that refer to a Service of the cluster. It edits them after the
// parts, which do not know what other Services there are, and before rules are bound to them.
type aliasIndex struct {
	join     *join
	rules    *rules
	problems *problemIndex
	// names is what each Service of type ExternalName names, even if that is not there. byName is the reverse.
	names  map[string]clusterName
	byName index[string, string]
	// broken are the aliases of something that is not there. The messages about them name similar Services.
	broken map[string]struct{}
}

// clusterName is a name in the cluster that an ExternalName may mean.
type clusterName struct {
	// host is the host of a Service. pod is the name of one of its pods, or empty.
	host, pod string
	// certain is false if the name may also be one outside of the cluster: then it means a Service only if there is one.
	certain bool
}

func newAliasIndex(j *join, r *rules, problems *problemIndex) *aliasIndex {
	return &aliasIndex{
		join: j, rules: r, problems: problems,
		names: map[string]clusterName{}, byName: index[string, string]{}, broken: map[string]struct{}{},
	}
}

// nameInCluster reads an ExternalName of a Service in the namespace. It returns false for names outside of the cluster.
func nameInCluster(name, namespace, domain string) (clusterName, bool) {
	short, certain := strings.CutSuffix(name, ".svc."+domain)
	if !certain {
		short, certain = strings.CutSuffix(name, ".svc")
	}
	labels := strings.Split(short, ".")
	if len(labels) == 1 && !certain {
		labels = append(labels, namespace)
	}
	switch n := len(labels); n {
	case 2:
		return clusterName{host: strings.Join(labels, ".") + ".svc." + domain, certain: certain}, true
	case 3:
		return clusterName{host: strings.Join(labels[1:], ".") + ".svc." + domain, pod: labels[0], certain: certain}, true
	}
	return clusterName{host: name, certain: certain}, certain // No Service has such a host.
}

// apply edits the aliases that a change may concern.
func (x *aliasIndex) apply(b *worldBuilder) {
	todo := map[string]struct{}{}
	for host := range b.touched {
		x.note(host, x.join.service(host), todo)
	}
	for host := range b.touched {
		x.addReferrers(host, todo)
	}
	for host := range x.rules.policies.dirtyHosts {
		if _, ok := x.names[host]; ok {
			todo[host] = struct{}{}
		}
	}
	if len(b.moved) > 0 {
		maps.Copy(todo, x.broken)
	}
	for _, host := range slices.Sorted(maps.Keys(todo)) {
		x.resolve(b, host)
	}
}

// note records what a Service names. The Service is nil if it is gone.
func (x *aliasIndex) note(host string, s *mesh.Service, todo map[string]struct{}) {
	before, had := x.names[host]
	var now clusterName
	has := false
	if s != nil && s.IsExternalName() {
		now, has = nameInCluster(s.DNSName, s.Namespace(), x.rules.domain)
	}
	if had || s != nil && s.IsExternalName() {
		todo[host] = struct{}{}
	}
	if had {
		x.byName.remove(before.host, host)
		delete(x.names, host)
	}
	if has {
		x.byName.add(now.host, host)
		x.names[host] = now
	}
}

// addReferrers adds the Services whose ExternalName leads to a host.
func (x *aliasIndex) addReferrers(host string, todo map[string]struct{}) {
	for _, alias := range x.byName[host] {
		if _, done := todo[alias]; !done {
			todo[alias] = struct{}{}
			x.addReferrers(alias, todo)
		}
	}
}

// resolve edits one Service of type ExternalName, or one that was.
func (x *aliasIndex) resolve(b *worldBuilder, host string) {
	s := x.join.service(host)
	if before := b.aliases.get(host); before != nil && before.Service != nil {
		x.rules.aliases.remove(before.Service.Host, host)
	}
	delete(x.broken, host)
	var alias *mesh.Alias
	var problems []mesh.Problem
	if s != nil && s.IsExternalName() {
		alias, problems = x.follow(b, s)
		problems = append(problems, x.check(s, alias)...)
	}
	if s != nil && alias == nil && inDomain(s.DNSName, x.rules.domain) != "" {
		x.broken[host] = struct{}{}
	}
	if alias != nil {
		s = aliasService(s, alias)
		if alias.Service != nil {
			x.rules.aliases.add(alias.Service.Host, host)
		} else {
			x.broken[host] = struct{}{}
		}
	}
	x.problems.put(problemKey{topicAlias, object.Key{Kind: object.KindService, Name: host}}, problems)
	changed := b.services.put(host, s)
	if b.aliases.put(host, alias) || changed {
		b.touched[host] = struct{}{}
	}
}

// aliasService is an alias as a Service of the World. It has the ports of what it refers to, under the names that the
// alias declares for their numbers. aliasService sets the default port of the alias.
func aliasService(s *mesh.Service, alias *mesh.Alias) *mesh.Service {
	out := *s
	out.Resolve, out.DNSName, out.Ports = mesh.ResolveNone, "", nil
	if alias.Service == nil {
		return &out
	}
	named := func(name string) bool {
		declared, ok := s.PortNamed(name)
		_, there := alias.Service.Port(declared.Number)
		return ok && there
	}
	for _, p := range alias.Service.Ports {
		if declared, ok := s.Port(p.Number); ok {
			p.Name = cmp.Or(declared.Name, p.Name)
		} else if named(p.Name) {
			p.Name = ""
		}
		out.Ports = append(out.Ports, p)
	}
	for family := range mesh.FamilyCount {
		if port, ok := s.DefaultPort(family); ok {
			if there, ok := alias.Service.Port(port.Number); ok && family.Takes(there.Protocol) {
				alias.DefaultPort[family] = port.Number
			}
		}
	}
	return &out
}

// follow finds what a Service of type ExternalName refers to, through other such Services. It returns nil if that is not
// in the cluster.
func (x *aliasIndex) follow(b *worldBuilder, s *mesh.Service) (*mesh.Alias, []mesh.Problem) {
	seen, host := []string{s.Host}, s.Host
	for {
		name, ok := x.names[host]
		if !ok {
			break // It is a Service, or names something outside of the cluster.
		}
		next := x.join.service(name.host)
		outside := !name.certain && (next == nil || name.host == host)
		switch {
		case outside && host == s.Host:
			return nil, nil
		case outside:
			return &mesh.Alias{Host: host, Service: x.join.service(host)}, nil
		case next == nil, name.pod != "" && next.ResolvedByClients():
			return &mesh.Alias{Host: name.full()}, []mesh.Problem{x.noSuchHost(s, name.full())}
		case slices.Contains(seen, name.host):
			return &mesh.Alias{Host: name.host}, []mesh.Problem{aliasProblem(s, mesh.CodeNoSuchHost, mesh.Error, "spec.externalName",
				"The names lead in a circle: %s. Calls fail. Name a Service that has endpoints.", strings.Join(append(seen, name.host), ", "))}
		case name.pod != "":
			return &mesh.Alias{Host: name.full(), Service: b.services.get(name.host)}, nil
		}
		host = name.host
		seen = append(seen, host)
	}
	if host == s.Host {
		return nil, nil
	}
	return &mesh.Alias{Host: host, Service: b.services.get(host)}, nil
}

// full is the name as a full name.
func (n clusterName) full() string {
	if n.pod == "" {
		return n.host
	}
	return n.pod + "." + n.host
}

// check reports what is wrong with a Service of type ExternalName, apart from the name. alias may be nil.
func (x *aliasIndex) check(s *mesh.Service, alias *mesh.Alias) []mesh.Problem {
	if alias == nil {
		return x.checkOutside(s)
	}
	target := alias.Service
	if target == nil {
		return nil
	}
	if x.refuses(s.Host) {
		alias.Service, alias.Refused = nil, true // The DestinationRule has the Problem.
		return nil
	}
	var problems []mesh.Problem
	if !target.VisibleTo(s.Namespace()) {
		problems = append(problems, aliasProblem(s, mesh.CodeNoSuchHost, mesh.Error, "spec.externalName",
			"%s is not exported to namespace %s. Calls of its clients to this name fail. Export the Service to them.", target.Ref, s.Namespace()))
	}
	for _, p := range s.Ports {
		if _, ok := target.Port(p.Number); !ok && !target.ResolvedByClients() {
			problems = append(problems, aliasProblem(s, mesh.CodeNoSuchPort, mesh.Warning, "spec.ports",
				"%s, for which this is another name, has no port %d. Calls to the port fail. Write a port of that Service, or leave out the ports.", target.Ref, p.Number))
		}
	}
	own := s.Annotations
	if own.LoadReports.Ref != s.Ref {
		own.LoadReports = mesh.AnnotationValue[mesh.Switch]{} // That of its namespace, for the others there.
	}
	if own != (mesh.AnnotationSettings{}) || s.TrafficDistribution != mesh.PreferNone {
		problems = append(problems, aliasProblem(s, mesh.CodeAlias, mesh.Warning, "metadata",
			"The Service is another name for %s. Its own settings for endpoints have no effect. Set them there.", target.Ref))
	}
	return problems
}

// checkOutside reports what is wrong with a Service whose ExternalName clients resolve by DNS.
func (x *aliasIndex) checkOutside(s *mesh.Service) []mesh.Problem {
	var problems []mesh.Problem
	if meant := x.rules.meant(s.DNSName); inDomain(s.DNSName, x.rules.domain) != "" && meant != "" && meant != s.Host {
		problems = append(problems, aliasProblem(s, mesh.CodeNoSuchHost, mesh.Warning, "spec.externalName",
			"%s is nearly the host of a Service. Clients resolve the name by DNS. Did you mean %q? Correct the name.", s.DNSName, meant))
	}
	if len(s.Ports) == 0 {
		problems = append(problems, aliasProblem(s, mesh.CodeNoSuchPort, mesh.Warning, "spec.ports",
			"The Service has no ports. Clients cannot call it. Add the ports that clients may call."))
	}
	return problems
}

func (x *aliasIndex) noSuchHost(s *mesh.Service, host string) mesh.Problem {
	wayOut := "Create the Service, or correct the name."
	if meant := x.rules.meant(host); meant != "" && meant != s.Host {
		wayOut = fmt.Sprintf("Did you mean %q? Correct the name.", meant)
	}
	return aliasProblem(s, mesh.CodeNoSuchHost, mesh.Error, "spec.externalName", "No Service of the cluster has the name %s. Calls fail. %s", host, wayOut)
}

func aliasProblem(s *mesh.Service, code mesh.Code, severity mesh.Severity, field, format string, args ...any) mesh.Problem {
	return mesh.Problem{Code: code, Severity: severity, Object: s.Ref, Field: field, Message: fmt.Sprintf(format, args...)}
}

// refuses reports whether a DestinationRule for an alias sets TLS. It has no effect on what the alias refers to, so calls
// might be less secure than its author wants.
func (x *aliasIndex) refuses(host string) bool {
	for _, g := range x.rules.policies.hosts.under(host) {
		if slices.ContainsFunc(g.rules, func(r *ruleEntry) bool { return setsTLS(r.Spec) }) {
			return true
		}
	}
	return false
}

func setsTLS(spec *networking.DestinationRule) bool {
	policies := []*networking.TrafficPolicy{spec.GetTrafficPolicy()}
	for _, s := range spec.GetSubsets() {
		policies = append(policies, s.GetTrafficPolicy())
	}
	sets := func(tls *networking.ClientTLSSettings) bool {
		return tls != nil && tls.GetMode() != networking.ClientTLSSettings_DISABLE
	}
	return slices.ContainsFunc(policies, func(p *networking.TrafficPolicy) bool {
		return sets(p.GetTls()) || slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
			return sets(l.GetTls())
		})
	})
}

// ofAlias returns the Problem of a rule that names an alias.
func (r *rules) ofAlias(alias *mesh.Alias, rule *ruleEntry) mesh.Problem {
	p := mesh.Problem{Code: mesh.CodeAlias, Severity: mesh.Warning, Object: rule.key.Ref(), Field: rule.Host.Field}
	p.Message = fmt.Sprintf("The host is another name for %s. DestinationRules for it have no effect. Set host to %s.", alias.Host, alias.Host)
	if setsTLS(rule.Spec) {
		p.Severity = mesh.Error
		p.Message = fmt.Sprintf("The host is another name for %s, on which this TLS setting has no effect. Calls to the name fail. Set host to %s.", alias.Host, alias.Host)
	}
	return p
}

// ofAliases reports the hosts of a VirtualService that are aliases.
func (h *routesEntry) ofAliases(b *worldBuilder) []mesh.Problem {
	var problems []mesh.Problem
	for _, host := range h.fullHosts {
		if alias := b.aliases.get(host); alias != nil {
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeAlias, Severity: mesh.Info, Object: h.key.Ref(), Field: h.fieldOf(host),
				Message: fmt.Sprintf("The host is another name for %s. The rules apply only to calls to this name, and Istio does not use them. For calls to both names, declare %s, too.", alias.Host, alias.Host),
			})
		}
	}
	return problems
}

func sameAlias(a, b *mesh.Alias) bool {
	return a.Host == b.Host && a.DefaultPort == b.DefaultPort && a.Refused == b.Refused && equalBy(sameService, a.Service, b.Service)
}
