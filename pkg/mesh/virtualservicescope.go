package mesh

import (
	"slices"

	networking "istio.io/api/networking/v1"
)

// MeshGateway is the gateway of calls between workloads of the mesh.
const MeshGateway = "mesh"

// RuleKind is one of the lists of rules of a VirtualService that can apply to gRPC.
type RuleKind uint8

// The lists.
const (
	HTTPRules RuleKind = iota
	TCPRules
)

// RulesFor returns the lists of rules that can apply to a port, the one that takes precedence first. On a port that is
// declared as TCP these are the tcp rules. On a port that is declared as HTTP or gRPC, tcp rules do not apply. On other
// ports the http rules come first.
func RulesFor(port Port) []RuleKind {
	switch {
	case port.Protocol == ProtocolTCP:
		return []RuleKind{TCPRules, HTTPRules}
	case port.Protocol.IsHTTP():
		return []RuleKind{HTTPRules}
	}
	return []RuleKind{HTTPRules, TCPRules}
}

// SourceMatch is a match of a http or tcp rule, by the conditions that are the same for every call of a client to a
// port.
type SourceMatch interface {
	GetPort() uint32
	GetSourceNamespace() string
	GetSourceLabels() map[string]string
	GetGateways() []string
}

// CallScope is the calls for which a match can apply, whatever else it compares: those to a port, of clients in a namespace
// with the labels. The zero value of a part is no condition.
type CallScope struct {
	Port      uint32
	Namespace string
	Labels    map[string]string
}

// CallScopeOf returns the scope of a match, and false if the match applies only to calls through other gateways.
func CallScopeOf(m SourceMatch) (CallScope, bool) {
	gateways := m.GetGateways()
	return CallScope{m.GetPort(), m.GetSourceNamespace(), m.GetSourceLabels()}, len(gateways) == 0 || slices.Contains(gateways, MeshGateway)
}

// Contains reports whether every call of the other one is in s.
func (s CallScope) Contains(o CallScope) bool {
	for key, value := range s.Labels {
		if other, ok := o.Labels[key]; !ok || other != value {
			return false
		}
	}
	return (s.Port == 0 || s.Port == o.Port) && (s.Namespace == "" || s.Namespace == o.Namespace)
}

// scopes are those in which a VirtualService has a rule. may has all of them; must leaves out those that depend on how a
// rule is merged with its delegate.
type scopes struct{ may, must []CallScope }

// scopes returns the Scopes of a VirtualService for the ports, each with one of their numbers. A zero Port stands for
// all ports.
func (v *VirtualService) scopes(ports []Port) scopes {
	var all scopes
	for _, port := range ports {
		for _, rule := range v.Spec.GetHttp() {
			v.addScopes(&all, port, rule)
		}
		if !slices.Contains(RulesFor(port), TCPRules) {
			continue
		}
		for _, rule := range v.Spec.GetTcp() {
			found := scopesAt(port.Number, rule.GetMatch())
			all.may = append(all.may, found...)
			if port.Number != 0 { // else the port may be one to which the tcp rules do not apply
				all.must = append(all.must, found...)
			}
		}
	}
	return all
}

func (v *VirtualService) addScopes(all *scopes, port Port, rule *networking.HTTPRoute) {
	found := scopesAt(port.Number, rule.GetMatch())
	all.may = append(all.may, found...)
	delegate, _, ok := v.Delegate(rule.GetDelegate())
	merged := ok && rule.GetDelegate() != nil && delegate.Visible && delegate.VirtualService != nil
	if !merged || slices.ContainsFunc(delegate.VirtualService.Spec.GetHttp(), func(r *networking.HTTPRoute) bool { return len(r.GetMatch()) == 0 }) {
		all.must = append(all.must, found...)
	}
}

// scopesAt returns the Scopes that the matches of a rule have on a port. A rule without matches has one.
func scopesAt[M SourceMatch](port uint32, list []M) []CallScope {
	if len(list) == 0 {
		return []CallScope{{Port: port}}
	}
	var all []CallScope
	for _, m := range list {
		scope, ok := CallScopeOf(m)
		if !ok || port != 0 && scope.Port != 0 && scope.Port != port {
			continue
		}
		if scope.Port == 0 {
			scope.Port = port
		}
		all = append(all, scope)
	}
	return all
}

// Used returns those VirtualServices of the list that apply to a call on any of the ports. The others come after
// VirtualServices that have a rule for every call for which they have one. Without ports, any port is assumed.
func (l VirtualServices) Used(ports []Port) VirtualServices {
	if l.Empty() || l.first.Value().rest.Empty() {
		return l
	}
	if len(ports) == 0 {
		ports = []Port{{}}
	}
	var taken []CallScope
	var used []*VirtualService
	for vs := range l.All() {
		found := vs.scopes(ports)
		covered := slices.IndexFunc(found.may, func(s CallScope) bool {
			return !slices.ContainsFunc(taken, func(t CallScope) bool { return t.Contains(s) })
		}) < 0
		if len(found.may) == 0 || !covered {
			used = append(used, vs)
		}
		taken = append(taken, found.must...)
	}
	return MakeVirtualServices(used...)
}
