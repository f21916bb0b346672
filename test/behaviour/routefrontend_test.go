package behaviour

import (
	"strings"
	"testing"
)

// TestRouteIsForItsService: a Route applies to calls of its parent alone, by each name and by the cluster IP, and not to calls of
// the Services that are its backends. Rules may have names.
func TestRouteIsForItsService(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	own := strings.Replace(service("echo", v1), "spec: {", "spec: {clusterIP: 10.9.8.7, ", 1)
	for _, kind := range []string{"GRPCRoute", "HTTPRoute"} {
		t.Run(kind, func(t *testing.T) {
			p := newPlane(t, own, service("two", v2), route(kind, "echo", "name: echo",
				"{name: special, matches: [{headers: [{name: x-user, value: ann}]}], "+sendTo("two")+"}", "{name: others, "+sendTo("echo")+"}"))
			for _, dialed := range []string{"echo", "echo.demo", "echo.demo.svc.cluster.local:80", "10.9.8.7:80"} {
				wantEach(t, p.dial(dialed), map[string]string{"": "v1", "x-user ann": "v2"})
			}
			wantEach(t, p.dial("two"), map[string]string{"": "v2", "x-user ann": "v2"})
		})
	}
}

// TestRouteParents: a Route applies to calls of its parent, be it a Service of all clusters or a host outside of Kubernetes, and
// sends them to such hosts.
func TestRouteParents(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	imported := "apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {name: echo, namespace: demo}\nspec: {type: ClusterSetIP, ports: [{name: grpc, port: 80}]}\n" +
		"---\n" + strings.Replace(v1.slice("echo", ""), "kubernetes.io/service-name", "multicluster.kubernetes.io/service-name", 1)
	outside := entry("demo", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", endpoints: ["+v2.endpoint("")+"]")
	const (
		toImport = "{matches: [{headers: [{name: x-user, value: ann}]}], backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: echo, port: 80}]}"
		toHost   = "{backendRefs: [{group: networking.istio.io, kind: Hostname, name: ledger.example.com, port: 80}]}"
	)
	for name, test := range map[string]struct{ parent, dialed string }{
		"ServiceImport": {"group: multicluster.x-k8s.io, kind: ServiceImport, name: echo", "echo.demo.svc.clusterset.local:80"},
		"ServiceEntry":  {"group: networking.istio.io, kind: ServiceEntry, name: ledger", "ledger.example.com:80"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"GRPCRoute", "HTTPRoute"} {
				made := strings.Replace(route(kind, "echo", "name: echo", toImport, toHost), "group: '', kind: Service, name: echo", test.parent, 1)
				wantEach(t, newPlane(t, imported, outside, made).dial(test.dialed), map[string]string{"": "v2", "x-user ann": "v1"})
			}
		})
	}
}

// TestClosedRoute: calls to the Service of a Route that cannot be read fail; they do not go where they go without it.
func TestClosedRoute(t *testing.T) {
	own := newBackend(t, "a", "v1")
	for name, test := range map[string]struct{ rule, want string }{
		"a port that is a text": {"{backendRefs: [{name: echo, port: http}]}", "Unimplemented"},
		"a match that is null":  {"{matches: [null], " + sendTo("echo") + "}", "Unimplemented"},
		"a path that is empty":  {"{matches: [{path: {value: ''}}], " + sendTo("echo") + "}", "Unimplemented"},
		"readable":              {"{" + sendTo("echo") + "}", "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			wantEach(t, newPlane(t, service("echo", own), route("HTTPRoute", "echo", "name: echo", test.rule)).dial("echo"), map[string]string{"": test.want})
		})
	}
}

// TestClosedBackendTLSPolicy: calls to the Service that a policy is meant for fail if the policy or its target is wrong; they do not
// go out unencrypted.
func TestClosedBackendTLSPolicy(t *testing.T) {
	const target, valid = "group: '', kind: Service, name: echo", "hostname: echo.example.com"
	for name, test := range map[string]struct{ target, validation, want string }{
		"cannot be read":          {target, valid + ", subjectAltNames: [{type: URI, hostname: true}]", "Unavailable"},
		"no port has the section": {target + ", sectionName: grcp", valid, "Unavailable"},
		"a kind in lower case":    {"group: '', kind: service, name: echo", valid, "Unavailable"},
		"another group":           {"group: core, kind: Service, name: echo", valid, "Unavailable"},
		"another Service":         {"group: '', kind: Service, name: other", valid, "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", newBackend(t, "a", "v1")), "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: echo, namespace: demo}\n"+
				"spec: {targetRefs: [{"+test.target+"}], validation: {wellKnownCACertificates: System, "+test.validation+"}}\n")
			wantEach(t, p.dial("echo"), map[string]string{"": test.want})
		})
	}
}

// TestClosedRule: calls to the host of a VirtualService that cannot be read fail, and so do those to the host of a DestinationRule
// that may encrypt them. Without its other settings, calls go where they would go with them.
func TestClosedRule(t *testing.T) {
	own := newBackend(t, "a", "v1")
	for name, test := range map[string]struct{ kind, spec, want string }{
		"a port that is a text":        {"VirtualService", "{hosts: [echo], http: [{route: [{destination: {host: echo, port: {number: http}}}]}]}", "Unavailable"},
		"a host in place of a list":    {"VirtualService", "{hosts: echo, http: [{route: [{destination: {host: echo}}]}]}", "Unavailable"},
		"hosts that cannot be read":    {"VirtualService", "{hosts: {echo: true}}", "v1"},
		"readable":                     {"VirtualService", "{hosts: [echo], http: [{route: [{destination: {host: echo}}]}]}", "v1"},
		"a TLS mode that is not known": {"DestinationRule", "{host: echo, trafficPolicy: {tls: {mode: SIMPEL}}}", "Unavailable"},
		"a balancer that is not known": {"DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {simple: ROUND}}}", "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := "apiVersion: networking.istio.io/v1\nkind: " + test.kind + "\nmetadata: {name: echo, namespace: demo}\nspec: " + test.spec + "\n"
			wantEach(t, newPlane(t, service("echo", own), rule).dial("echo"), map[string]string{"": test.want})
		})
	}
}
