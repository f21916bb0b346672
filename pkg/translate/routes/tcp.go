package routes

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// ruleList has the http rules or the tcp rules of a VirtualService.
type ruleList struct {
	at    report.Field
	rules []boundRule
	// reached has, for each rule, whether any call reaches it.
	reached []bool
	// used is set if the list applies to a port.
	used bool
	// deferred are the Problems of tcp rules. They are reported only if the list is used.
	deferred []mesh.Problem
}

func (l *ruleList) empty() bool { return len(l.reached) == 0 }

// ruleSet has both lists. The tcp rules apply to ports that are declared as TCP, and to all ports if there are no
// http rules.
type ruleSet struct{ http, tcp ruleList }

func (t destinationResolver) ruleSet(root report.Field, vs *mesh.VirtualService) *ruleSet {
	http, tcp := vs.Spec.GetHttp(), vs.Spec.GetTcp()
	s := &ruleSet{
		http: ruleList{at: root.Child("http"), rules: t.httpRules(root, vs), reached: make([]bool, len(http))},
		tcp:  ruleList{at: root.Child("tcp"), reached: make([]bool, len(tcp))},
	}
	s.tcp.rules = t.tcpRules(report.Field{Sink: &s.tcp.deferred, Ref: root.Ref, Path: s.tcp.at.Path}, tcp)
	return s
}

// of returns the list that applies to a port.
func (s *ruleSet) of(port mesh.Port) *ruleList {
	if !s.tcp.empty() && (s.http.empty() || port.TCP) {
		return &s.tcp
	}
	return &s.http
}

// tcpRules converts tcp rules to http rules. They have the same weighted destinations, and their matches have some
// of the same conditions.
func (t destinationResolver) tcpRules(at report.Field, rules []*networking.TCPRoute) []boundRule {
	var all []boundRule
	for i, rule := range rules {
		where := at.Index(i)
		http := &networking.HTTPRoute{}
		for j, block := range rule.GetMatch() {
			http.Match = append(http.Match, tcpMatch(where.Child("match").Index(j), block))
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

// tcpMatch converts the match of a tcp rule. gRPC clients do not compare subnets. A block with a subnet matches
// nothing, because without this condition it would match more calls than its author meant.
func tcpMatch(at report.Field, m *networking.L4MatchAttributes) *networking.HTTPMatchRequest {
	http := &networking.HTTPMatchRequest{
		Port: m.GetPort(), SourceLabels: m.GetSourceLabels(), SourceNamespace: m.GetSourceNamespace(), Gateways: m.GetGateways(),
	}
	check := func(field string, set bool) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. Match sourceLabels or sourceNamespace.", fields.NoteNoSubnets)
			http.Gateways = []string{noGateway}
		}
	}
	check("destinationSubnets", len(m.GetDestinationSubnets()) > 0)
	check("sourceSubnet", m.GetSourceSubnet() != "")
	return http
}

// report reports the Problems that are known only after the rules were translated for all ports. service is nil if
// it is not known which list applies.
func (s *ruleSet) report(service *mesh.Service) {
	if s.tcp.used {
		*s.tcp.at.Sink = append(*s.tcp.at.Sink, s.tcp.deferred...)
	}
	for _, list := range []*ruleList{&s.http, &s.tcp} {
		for _, r := range list.rules {
			if r.provenance != nil {
				r.provenance.relocate(*r.at.Sink)
			}
		}
		for i, reached := range list.reached {
			if list.used && !reached {
				list.at.Index(i).Warnf(mesh.CodeUnreachable, "An earlier rule matches every call. This rule has no effect. Move or delete one of the two.")
			}
		}
	}
	switch {
	case service == nil:
	case !s.tcp.used && !s.tcp.empty():
		s.tcp.at.Warnf(mesh.CodeUnreachable,
			"The http rules apply to every port of %s. The tcp rules have no effect. Delete them, or name their ports tcp or tcp-NAME.", service.Ref)
	case !s.http.used && !s.http.empty():
		s.http.at.Warnf(mesh.CodeUnreachable,
			"Every port of %s is declared as TCP, so the tcp rules apply. The http rules have no effect. Delete them, or name their ports grpc or grpc-NAME.", service.Ref)
	}
}
