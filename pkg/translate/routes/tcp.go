package routes

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// ruleList is a list of rules of a VirtualService: those for calls, or those for connections.
type ruleList struct {
	at    report.Field
	rules []boundRule
	// reached says of each rule whether any call comes by it.
	reached []bool
	used    bool
	// deferred are the Problems of what it says, which count if it is used.
	deferred []mesh.Problem
}

func (s *ruleList) empty() bool { return len(s.reached) == 0 }

// ruleSet are both lists. Rules for connections are followed where their author meant the port for them, or wrote
// nothing else.
type ruleSet struct{ http, tcp ruleList }

func (t destinationResolver) ruleSet(root report.Field, r *mesh.VirtualService) *ruleSet {
	http, tcp := r.Spec.GetHttp(), r.Spec.GetTcp()
	s := &ruleSet{
		http: ruleList{at: root.Child("http"), rules: t.httpRules(root, r), reached: make([]bool, len(http))},
		tcp:  ruleList{at: root.Child("tcp"), reached: make([]bool, len(tcp))},
	}
	s.tcp.rules = t.tcpRules(report.Field{Sink: &s.tcp.deferred, Ref: root.Ref, Path: s.tcp.at.Path}, tcp)
	return s
}

// of returns the rules for a port.
func (s *ruleSet) of(port mesh.Port) *ruleList {
	if !s.tcp.empty() && (s.http.empty() || port.TCP) {
		return &s.tcp
	}
	return &s.http
}

// tcpRules are the rules for TCP as rules for calls: they choose among destinations by the same weights, and their
// matches ask for some of the same.
func (t destinationResolver) tcpRules(at report.Field, rules []*networking.TCPRoute) []boundRule {
	var all []boundRule
	for i, rule := range rules {
		where := at.Index(i)
		calls := &networking.HTTPRoute{}
		for j, block := range rule.GetMatch() {
			calls.Match = append(calls.Match, tcpMatch(where.Child("match").Index(j), block))
		}
		for _, d := range rule.GetRoute() {
			calls.Route = append(calls.Route, &networking.HTTPRouteDestination{Destination: d.GetDestination(), Weight: d.GetWeight()})
		}
		all = append(all, boundRule{rule: calls, at: where, index: i, targets: t})
	}
	return all
}

// noGateway is a gateway that nobody comes by: its match holds nothing.
const noGateway = ""

// tcpMatch keeps what is the same for every call of a client. Its address, and the address it calls, are not: a
// block that asks for them holds nothing, where without them it would hold for more than its author meant.
func tcpMatch(at report.Field, m *networking.L4MatchAttributes) *networking.HTTPMatchRequest {
	calls := &networking.HTTPMatchRequest{
		Port: m.GetPort(), SourceLabels: m.GetSourceLabels(), SourceNamespace: m.GetSourceNamespace(), Gateways: m.GetGateways(),
	}
	refuse := func(field string, set bool) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. Match sourceLabels or sourceNamespace.", fields.NoteNoSubnets)
			calls.Gateways = []string{noGateway}
		}
	}
	refuse("destinationSubnets", len(m.GetDestinationSubnets()) > 0)
	refuse("sourceSubnet", m.GetSourceSubnet() != "")
	return calls
}

// report reports what only shows once the rules have been read for all ports. Of a VirtualService that is read for
// its Problems alone it is not known which rules are used.
func (s *ruleSet) report(service *mesh.Service) {
	if s.tcp.used {
		*s.tcp.at.Sink = append(*s.tcp.at.Sink, s.tcp.deferred...)
	}
	for _, section := range []*ruleList{&s.http, &s.tcp} {
		for _, r := range section.rules {
			if r.provenance != nil {
				r.provenance.relocate(*r.at.Sink)
			}
		}
		for i, reached := range section.reached {
			if section.used && !reached {
				section.at.Index(i).Warnf(mesh.CodeUnreachable, "An earlier rule matches every call. This rule has no effect. Move or delete one of the two.")
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
