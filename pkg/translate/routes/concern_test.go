package routes

import (
	"fmt"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// condition is one thing that a match can ask for, as YAML, and whether a call of the test meets it.
type condition struct {
	text string
	met  bool
}

// conditions are those that are the same for every call of a client to a port. Each list has one value that is absent,
// one that is met and one that is not.
var conditions = [][]condition{
	{{"", true}, {"port: 80", true}, {"port: 81", false}},
	{{"", true}, {"sourceLabels: {app: front}", true}, {"sourceLabels: {app: back}", false}},
	{{"", true}, {"sourceNamespace: shop", true}, {"sourceNamespace: till", false}},
	{{"", true}, {"gateways: [mesh, edge]", true}, {"gateways: [edge]", false}},
}

// combinations yields every choice of one condition from each list.
func combinations(lists [][]condition, yield func(text string, met bool)) {
	if len(lists) == 0 {
		yield("", true)
		return
	}
	for _, c := range lists[0] {
		combinations(lists[1:], func(text string, met bool) {
			yield(strings.Trim(c.text+", "+text, ", "), met && c.met)
		})
	}
}

// TestConcern checks every combination of the conditions for which a VirtualService concerns the calls of a client to a
// port. If it does not, the next VirtualService decides, and without one the calls go to the Service. If it does, calls
// that its rules do not match fail.
func TestConcern(t *testing.T) {
	const own, next, service = "outbound|80||a.demo.svc.cluster.local", "outbound|80||b.demo.svc.cluster.local", translatetest.ClusterEcho
	rule := func(host, match string) string {
		return fmt.Sprintf("[{match: [{%s}], route: [{destination: {host: %s, port: {number: 80}}}]}]", match, host)
	}
	all := map[string]string{
		"http: " + rule("b", "uri: {prefix: /}"): next,
		"http: " + rule("b", "port: 81"):         service,
		"tcp: " + rule("b", "port: 80"):          next,
		"tls: []":                                service,
	}
	count := 0
	combinations(conditions, func(text string, met bool) {
		for second, afterwards := range all {
			for first, want := range map[string]string{
				"http: " + rule("a", text): own,
				"http: " + rule("a", strings.Trim(text+", uri: {prefix: /other.S/}", ", ")): "/other.S/ " + own,
				"http: " + rule("a", strings.Trim(text+", uri: {exact: no-path}", ", ")):    "",
				"http: " + rule("a", strings.Trim(text+", scheme: {exact: http}", ", ")):    "",
				"tcp: " + rule("a", text): own,
				"tcp: " + rule("a", strings.Trim(text+", sourceSubnet: 10.0.0.0/8", ", ")): "",
			} {
				if !met {
					want = afterwards
				}
				count++
				if got := routesTo(t, first, second); got != want {
					t.Errorf("%s, then %s: got %q, want %q", first, second, got, want)
				}
			}
		}
	})
	if want := 81 * 4 * 6; count != want {
		t.Errorf("checked %d combinations, want %d", count, want)
	}
}

// routesTo describes the routes of port 80, which declares no protocol, for a client of namespace shop.
func routesTo(t *testing.T, specs ...string) string {
	t.Helper()
	return routesOn(t, mesh.Port{}, specs...)
}

func routesOn(t *testing.T, port mesh.Port, specs ...string) string {
	t.Helper()
	echo := translatetest.Echo(80)
	echo.Ports[0].Protocol = port.Protocol
	var list []*mesh.VirtualService
	for _, text := range specs {
		list = append(list, translatetest.Bound(t, "hosts: [echo]\n"+text))
	}
	resources := Translate(new([]mesh.Problem), Input{
		Service: echo, VirtualServices: mesh.MakeVirtualServices(list...),
		Namespace: "shop", Labels: mesh.MakeLabels(map[string]string{"app": "front"}),
	})
	var got []string
	for _, r := range resources[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes() {
		prefix := strings.TrimPrefix(r.GetMatch().GetPrefix(), "/")
		if prefix != "" {
			prefix = "/" + prefix + " "
		}
		got = append(got, prefix+r.GetRoute().GetCluster())
	}
	return strings.Join(got, ", ")
}

// TestRulesByProtocol checks which rules apply to a port, by the protocol that the port declares, and what applies if the
// first of two lists is for another port.
func TestRulesByProtocol(t *testing.T) {
	const own, next, service = "outbound|80||a.demo.svc.cluster.local", "outbound|80||b.demo.svc.cluster.local", translatetest.ClusterEcho
	const http, tcp = "http: [{route: [{destination: {host: a}}]}]", "tcp: [{route: [{destination: {host: b, port: {number: 80}}}]}]"
	const httpElsewhere, tcpElsewhere = "http: [{match: [{port: 81}], route: [{destination: {host: a}}]}]", "tcp: [{match: [{port: 81}], route: [{destination: {host: b}}]}]"
	for rules, want := range map[string][3]string{ // on a port that declares nothing, TCP, HTTP
		"":                         {service, service, service},
		http:                       {own, own, own},
		tcp:                        {next, next, service},
		http + "\n" + tcp:          {own, next, own},
		httpElsewhere + "\n" + tcp: {next, next, service},
		http + "\n" + tcpElsewhere: {own, own, own},
		httpElsewhere:              {service, service, service},
		tcpElsewhere:               {service, service, service},
	} {
		for i, port := range []mesh.Port{{}, {Protocol: mesh.ProtocolTCP}, {Protocol: mesh.ProtocolHTTP}} {
			if got := routesOn(t, port, rules); got != want[i] {
				t.Errorf("%q on a port of the protocol %q: got %q, want %q", rules, port.Protocol, got, want[i])
			}
		}
	}
}
