package assemble

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestPortsOfNoPod: an object names the port of the Service, 80, and the pods listen on 8080.
func TestPortsOfNoPod(t *testing.T) {
	const selected = "selector: {matchLabels: {app: echo}}, "
	rules := func(action, rule string) string {
		return policy("a", selected+"action: "+action+", rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}, {"+rule+"}]")
	}
	mode := func(port, mode string) string {
		return peers("a", "01", selected+"portLevelMtls: {'"+port+"': {mode: "+mode+"}}")
	}
	operation := func(fields string) string {
		return "to: [{operation: {paths: [/a.B/C]}}, {operation: {" + fields + "}}]"
	}
	const at = "spec.rules[1].to[1].operation."
	echo := echoPod(1, mtlsPod, "")
	web := strings.ReplaceAll(strings.ReplaceAll(watchtest.EchoService+echoPod(2, mtlsPod, ""), "echo", "web"), "8080", "80")
	elsewhere := strings.ReplaceAll(web, "namespace: demo", "namespace: other")
	line := func(severity, kind, field, missing, effect, have string) []string {
		return []string{fmt.Sprintf("%s NoSuchPort %s demo/a %s: By the EndpointSlices, no pod that the object selects listens on %s. %s The pods listen on %s. "+
			"Write the port of the pods: the targetPort of the Service, not its port.", severity, kind, field, missing, effect, have)}
	}
	authorization := func(severity, field, missing, effect string) []string {
		return line(severity, "AuthorizationPolicy", field, missing, effect, "port 8080")
	}
	tests := map[string]struct {
		objects string
		want    []string
	}{
		"DENY":                  {echo + rules("DENY", operation("ports: ['80']")), authorization("error", at+"ports", "port 80", "The value denies no call.")},
		"DENY all but":          {echo + rules("DENY", operation("notPorts: ['80']")), authorization("warning", at+"notPorts", "port 80", "The value exempts no call.")},
		"ALLOW":                 {echo + rules("ALLOW", operation("ports: ['80', '8080', '81']")), authorization("warning", at+"ports", "ports 80, 81", "The value allows no call.")},
		"ALLOW all but":         {echo + rules("ALLOW", operation("notPorts: ['80']")), authorization("error", at+"notPorts", "port 80", "The value keeps out no call.")},
		"a condition":           {echo + rules("DENY", "when: [{key: destination.port, values: ['80']}]"), authorization("error", "spec.rules[1].when[0].values", "port 80", "The value denies no call.")},
		"a negative condition":  {echo + rules("ALLOW", "when: [{key: destination.port, notValues: ['80']}]"), authorization("error", "spec.rules[1].when[0].notValues", "port 80", "The value keeps out no call.")},
		"another condition":     {echo + rules("DENY", "when: [{key: source.ip, values: ['80']}]"), nil},
		"AUDIT":                 {echo + rules("AUDIT", operation("ports: ['80']")), nil},
		"a dry run":             {echo + strings.Replace(rules("DENY", operation("ports: ['80']")), "namespace: demo", `namespace: demo, annotations: {istio.io/dry-run: "true"}`, 1), authorization("warning", at+"ports", "port 80", "The value denies no call. (The policy is a dry run.)")},
		"no port":               {echo + rules("DENY", operation("ports: [http, '080', '0', '65536']")), nil},
		"the port of the pods":  {echo + rules("DENY", operation("ports: ['8080']")), nil},
		"of a pod not selected": {echo + web + rules("DENY", operation("ports: ['80']")), authorization("error", at+"ports", "port 80", "The value denies no call.")},
		"of one pod of several": {echo + web + policy("a", "action: DENY, rules: [{"+operation("ports: ['80']")+"}]"), nil},
		"of another namespace":  {echo + elsewhere + policy("istio-system/a", "action: DENY, rules: [{"+operation("ports: ['80']")+"}]"), nil},
		"nothing is known":      {strings.Split(echo, "---\napiVersion: discovery")[0] + rules("DENY", operation("ports: ['80']")), nil},

		"STRICT":                        {echo + mode("80", "STRICT"), line("error", "PeerAuthentication", "spec.portLevelMtls.80", "port 80", "The mode STRICT has no effect.", "port 8080")},
		"DISABLE":                       {echo + mode("80", "DISABLE"), line("warning", "PeerAuthentication", "spec.portLevelMtls.80", "port 80", "The mode DISABLE has no effect.", "port 8080")},
		"the mode of the pods":          {echo + mode("8080", "STRICT"), nil},
		"the mode of a pod of many":     {echo + web + mode("80", "STRICT"), line("error", "PeerAuthentication", "spec.portLevelMtls.80", "port 80", "The mode STRICT has no effect.", "port 8080")},
		"the mode of another namespace": {echo + elsewhere + mode("80", "STRICT"), line("error", "PeerAuthentication", "spec.portLevelMtls.80", "port 80", "The mode STRICT has no effect.", "port 8080")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), watchtest.EchoService+tt.objects)
			if d := cmp.Diff(tt.want, watchtest.ProblemLines(w)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestPortsFollowPods: the Problem comes and goes with the ports of pods whose labels stay.
func TestPortsFollowPods(t *testing.T) {
	a := newTestAssembler()
	onPort := func(n int, port string) string { return strings.Replace(echoPod(n, mtlsPod, ""), "8080", port, 1) }
	for _, step := range []struct {
		name, text string
		want       []mesh.Code
	}{
		{"the port of the Service", watchtest.EchoService + onPort(1, "8080") + policy("a", "action: DENY, rules: [{to: [{operation: {ports: ['80']}}]}]"), []mesh.Code{mesh.CodeNoSuchPort}},
		{"a pod listens there", onPort(2, "80"), nil},
		{"and another", onPort(3, "80"), nil},
		{"one is left", onPort(2, "8080"), nil},
		{"none is left", onPort(3, "8080"), []mesh.Code{mesh.CodeNoSuchPort}},
		{"the policy is edited", policy("a", "action: DENY, rules: [{to: [{operation: {ports: ['8080']}}]}]"), nil},
	} {
		var got []mesh.Code
		for _, p := range apply(t, a, step.text).Problems {
			got = append(got, p.Code)
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, d)
		}
	}
}

// TestMovedListeners: a namespace is looked at again if labels came or went, and objects that name ports if a port did.
func TestMovedListeners(t *testing.T) {
	x := newLabelIndex()
	on := func(ports ...uint32) *mesh.EndpointSet {
		set := &mesh.EndpointSet{Endpoints: []mesh.Endpoint{{Ports: []mesh.Port{{Number: 1}}}}}
		for _, port := range ports {
			set.Endpoints = append(set.Endpoints, mesh.Endpoint{Labels: "a", Ports: []mesh.Port{{Number: port}}})
		}
		return set
	}
	for _, step := range []struct {
		name, host    string
		set           *mesh.EndpointSet
		labels, ports bool
	}{
		{"without pods", "a.demo.svc", on(), false, false},
		{"the first", "a.demo.svc", on(8080), true, true},
		{"scaled", "a.demo.svc", on(8080, 8080), false, false},
		{"another port", "a.demo.svc", on(8080, 80), false, true},
		{"another Service of the pods", "b.demo.svc", on(8080), false, false},
		{"the port has another Service", "a.demo.svc", on(80), false, false},
		{"the port is gone", "b.demo.svc", nil, false, true},
		{"all are gone", "a.demo.svc", nil, true, true},
	} {
		x.putHost(step.host, step.set)
		_, labels := take(&x.dirty)["demo"]
		_, ports := take(&x.dirtyPorts)[mesh.Workload{Namespace: "demo", Labels: "a"}]
		if labels != step.labels || ports != step.ports {
			t.Errorf("%s: moved: got labels %t and ports %t, want %t and %t", step.name, labels, ports, step.labels, step.ports)
		}
	}
	if len(x.servers)+len(x.ports)+len(x.byHost) != 0 {
		t.Errorf("left over: %v, %v, %v", x.servers, x.ports, x.byHost)
	}
}

// TestMovedPortsConcernFew: if a port moves, only the objects that name ports and select its pods are looked at.
func TestMovedPortsConcernFew(t *testing.T) {
	a := newTestAssembler()
	deny := func(name, labels, fields string) string {
		return policy(name, "selector: {matchLabels: {"+labels+"}}, action: DENY, rules: [{to: [{operation: {"+fields+"}}]}]")
	}
	apply(t, a, watchtest.EchoService+echoPod(1, mtlsPod, "")+
		deny("concerned", "app: echo", "ports: ['80']")+deny("paths", "app: echo", "paths: [/a.B/C]")+deny("others", "app: web", "ports: ['80']"))
	for _, byNamespace := range a.enforced.found {
		byNamespace["demo"] = finding{withoutXDS: []string{"not looked at"}}
	}
	apply(t, a, strings.Replace(echoPod(1, mtlsPod, ""), "8080", "80", 1))
	var looked []string
	for key, byNamespace := range a.enforced.found {
		if len(byNamespace["demo"].withoutXDS) == 0 {
			looked = append(looked, key.Name)
		}
	}
	if d := cmp.Diff([]string{"concerned"}, looked); d != "" {
		t.Errorf("looked at (-want +got):\n%s", d)
	}
}
