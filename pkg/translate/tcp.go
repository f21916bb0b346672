package translate

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// section is a list of rules of a VirtualService: those for calls, or those for connections.
type section struct {
	at      site
	rulings []ruling
	// reached says of each rule whether any call comes by it.
	reached []bool
	used    bool
	// found are the Problems of what it says, which count if it is used.
	found []mesh.Problem
}

func (s *section) empty() bool { return len(s.reached) == 0 }

// sections are both lists. Rules for connections are followed where their author meant the port for them, or wrote nothing else.
type sections struct{ http, tcp section }

func (t targets) sections(root site, r *mesh.Routes) *sections {
	http, tcp := r.Spec.GetHttp(), r.Spec.GetTcp()
	s := &sections{
		http: section{at: root.field("http"), rulings: t.rulings(root, r), reached: make([]bool, len(http))},
		tcp:  section{at: root.field("tcp"), reached: make([]bool, len(tcp))},
	}
	s.tcp.rulings = t.connections(site{&s.tcp.found, root.ref, s.tcp.at.path}, tcp)
	return s
}

// of returns the rules for a port.
func (s *sections) of(port mesh.Port) *section {
	if !s.tcp.empty() && (s.http.empty() || port.TCP) {
		return &s.tcp
	}
	return &s.http
}

// connections are the rules for TCP as rules for calls: they choose among destinations by the same weights, and their matches ask
// for some of the same.
func (t targets) connections(at site, rules []*networking.TCPRoute) []ruling {
	var all []ruling
	for i, rule := range rules {
		where := at.index(i)
		calls := &networking.HTTPRoute{}
		for j, block := range rule.GetMatch() {
			calls.Match = append(calls.Match, connectionMatch(where.field("match").index(j), block))
		}
		for _, d := range rule.GetRoute() {
			calls.Route = append(calls.Route, &networking.HTTPRouteDestination{Destination: d.GetDestination(), Weight: d.GetWeight()})
		}
		all = append(all, ruling{rule: calls, at: where, in: i, targets: t})
	}
	return all
}

// noGateway is a gateway that nobody comes by: its match holds nothing.
const noGateway = ""

// connectionMatch keeps what is the same for every call of a client. Its address, and the address it calls, are not: a block that
// asks for them holds nothing, where without them it would hold for more than its author meant.
func connectionMatch(at site, m *networking.L4MatchAttributes) *networking.HTTPMatchRequest {
	calls := &networking.HTTPMatchRequest{
		Port: m.GetPort(), SourceLabels: m.GetSourceLabels(), SourceNamespace: m.GetSourceNamespace(), Gateways: m.GetGateways(),
	}
	refuse := func(field string, set bool) {
		if set {
			at.field(field).errorf(mesh.CodeUnsupported, "%s. The match matches nothing. Match sourceLabels or sourceNamespace.", noteNoSubnets)
			calls.Gateways = []string{noGateway}
		}
	}
	refuse("destinationSubnets", len(m.GetDestinationSubnets()) > 0)
	refuse("sourceSubnet", m.GetSourceSubnet() != "")
	return calls
}

// settle reports what only shows once the rules have been read for all ports. Of a VirtualService that is read for its Problems
// alone it is not known which rules are used.
func (s *sections) settle(service *mesh.Service) {
	if s.tcp.used {
		*s.tcp.at.sink = append(*s.tcp.at.sink, s.tcp.found...)
	}
	for _, section := range []*section{&s.http, &s.tcp} {
		for _, r := range section.rulings {
			if r.origins != nil {
				r.origins.settle(*r.at.sink)
			}
		}
		for i, reached := range section.reached {
			if section.used && !reached {
				section.at.index(i).warnf(mesh.CodeUnreachable, "An earlier rule matches every call. This rule has no effect. Move or delete one of the two.")
			}
		}
	}
	switch {
	case service == nil:
	case !s.tcp.used && !s.tcp.empty():
		s.tcp.at.warnf(mesh.CodeUnreachable,
			"The http rules apply to every port of %s. The tcp rules have no effect. Delete them, or name their ports tcp or tcp-NAME.", service.Ref)
	case !s.http.used && !s.http.empty():
		s.http.at.warnf(mesh.CodeUnreachable,
			"Every port of %s is declared as TCP, so the tcp rules apply. The http rules have no effect. Delete them, or name their ports grpc or grpc-NAME.", service.Ref)
	}
}
