package routes

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// ruleList has the http rules or the tcp rules of a VirtualService.
type ruleList struct {
	at    report.Field
	rules []boundRule
	// reached has, for each rule, whether any call reaches it.
	reached []bool
	// written are the rules as they were written; tcp rules as http rules.
	written []*networking.HTTPRoute
	// used is set if the list applies to a port.
	used bool
	// deferred are the Problems of tcp rules. They are reported only if the list is used.
	deferred []mesh.Problem
}

func (l *ruleList) empty() bool { return len(l.reached) == 0 }

// ruleSet has both lists of a VirtualService. Of those that mesh.RulesFor allows on a port, the first with a rule that
// concerns a call applies to it.
type ruleSet struct {
	vs   *mesh.VirtualService
	form *form
	// partly is set if other rules decide on a port, maybe only for these clients.
	partly    bool
	http, tcp ruleList
}

func (t destinationResolver) ruleSet(root report.Field, vs *mesh.VirtualService) *ruleSet {
	http, tcp := vs.Spec.GetHttp(), vs.Spec.GetTcp()
	s := &ruleSet{
		vs: vs, form: t.form,
		http: ruleList{at: root.Child("http"), rules: t.httpRules(root, vs), reached: make([]bool, len(http)), written: http},
		tcp:  ruleList{at: root.Child("tcp"), reached: make([]bool, len(tcp))},
	}
	s.tcp.rules = t.tcpRules(report.Field{Sink: &s.tcp.deferred, Ref: root.Ref, Path: s.tcp.at.Path}, tcp)
	for _, r := range s.tcp.rules {
		s.tcp.written = append(s.tcp.written, r.rule)
	}
	return s
}

// reachedIsKnown reports whether a rule that calls to this host do not reach is reached by no other calls: those to
// another host, through a gateway, or on a port where another VirtualService decides about these clients. host is empty
// if the rules were checked for every host.
func (s *ruleSet) reachedIsKnown(host string) bool {
	hosts := s.vs.Spec.GetHosts()
	exact := len(hosts) < 2 && !slices.ContainsFunc(hosts, mesh.IsWildcard)
	return !s.partly && !s.vs.Gateways && (host != "" && exact || host == "" && !s.vs.IsDelegate())
}

// of returns the lists that can apply to a port, in order, without empty ones.
func (s *ruleSet) of(port mesh.Port) []*ruleList {
	var all []*ruleList
	for _, kind := range mesh.RulesFor(port) {
		list := map[mesh.RuleKind]*ruleList{mesh.HTTPRules: &s.http, mesh.TCPRules: &s.tcp}[kind]
		if !list.empty() {
			all = append(all, list)
		}
	}
	return all
}

// tcpRules converts tcp rules to http rules. They have the same weighted destinations, and their matches have some
// of the same conditions.
func (t destinationResolver) tcpRules(at report.Field, rules []*networking.TCPRoute) []boundRule {
	var all []boundRule
	for i, rule := range rules {
		where := at.Index(i)
		http := &networking.HTTPRoute{}
		for j, block := range rule.GetMatch() {
			http.Match = append(http.Match, tcpMatch(t.family, where.Child("match").Index(j), block))
		}
		for _, d := range rule.GetRoute() {
			http.Route = append(http.Route, &networking.HTTPRouteDestination{Destination: d.GetDestination(), Weight: d.GetWeight()})
		}
		all = append(all, boundRule{rule: http, at: where, index: i, destinations: t})
	}
	return all
}

// noGateway is a gateway name that no call has. A match with it matches nothing.
const noGateway = ""

// tcpMatch converts the match of a tcp rule. Clients do not compare subnets. A block with a subnet matches
// nothing, because without this condition it would match more calls than its author meant.
func tcpMatch(family mesh.Family, at report.Field, m *networking.L4MatchAttributes) *networking.HTTPMatchRequest {
	http := &networking.HTTPMatchRequest{
		Port: m.GetPort(), SourceLabels: m.GetSourceLabels(), SourceNamespace: m.GetSourceNamespace(), Gateways: m.GetGateways(),
	}
	check := func(field string, set bool) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s do not compare addresses. The match matches nothing. Match sourceLabels or sourceNamespace.", family)
			if _, ok := mesh.CallScopeOf(m); ok {
				http.Gateways = []string{noGateway}
			}
		}
	}
	check("destinationSubnets", len(m.GetDestinationSubnets()) > 0)
	check("sourceSubnet", m.GetSourceSubnet() != "")
	return http
}

// report reports the Problems that are known only after the rules were translated for all ports. service is nil if
// it is not known which list applies. every is set if the rules were translated for every port of the Service, and not for
// some ports that only clients of another family call.
func (s *ruleSet) report(host string, service *mesh.Service, every bool) {
	if s.tcp.used {
		*s.tcp.at.Sink = append(*s.tcp.at.Sink, s.tcp.deferred...)
	}
	if s.vs.Compiled() {
		s.reportCompiled()
		return
	}
	for _, list := range []*ruleList{&s.http, &s.tcp} {
		for _, r := range list.rules {
			if r.provenance != nil {
				r.provenance.relocate(*r.at.Sink)
			}
		}
		covered := s.form.reportCovered(list.at, list.written, service == nil && s.vs.IsDelegate())
		for i, reached := range list.reached {
			if list.used && !reached && !covered[i] && s.reachedIsKnown(host) {
				list.at.Index(i).Warnf(mesh.CodeUnreachable, "Earlier rules match every call of this one. This rule has no effect. Move it up or delete it.")
			}
		}
	}
	if every && s.reachedIsKnown(host) {
		s.reportUnused(service)
	}
}

// reportUnused reports a list that applies to no port of the Service.
func (s *ruleSet) reportUnused(service *mesh.Service) {
	switch {
	case !s.tcp.used && !s.tcp.empty() && s.http.empty():
		s.tcp.at.Warnf(mesh.CodeUnreachable,
			"Every port of %s is declared as HTTP or gRPC. The tcp rules have no effect. Write http rules, or name their ports tcp or tcp-NAME.", service.Ref)
	case !s.tcp.used && !s.tcp.empty():
		s.tcp.at.Warnf(mesh.CodeUnreachable,
			"The http rules apply to every port of %s. The tcp rules have no effect. Delete them, or name their ports tcp or tcp-NAME.", service.Ref)
	case !s.http.used && !s.http.empty():
		s.http.at.Warnf(mesh.CodeUnreachable,
			"Every port of %s is declared as TCP, so the tcp rules apply. The http rules have no effect. Delete them, or name their ports %s or %[2]s-NAME.", service.Ref, s.form.protocol)
	}
}
