package behaviour

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Istiod also serves proxyless gRPC. TestGap01 to TestGap15 are the fifteen things that its generator does not do, or
// sends although clients reject them. Each test shows that they work here. Not covered is the security of servers:
// see docs/FIELDS.md.

// checkClientRules checks every resource of a control plane with the rules by which clients of all languages reject
// resources.
func (p *plane) checkClientRules() {
	p.t.Helper()
	s := p.store.Current()
	for _, resourceType := range snapshot.Types {
		for _, name := range s.Names(resourceType, mesh.Client{Namespace: "demo"}) {
			message, err := s.Resource(resourceType, name, mesh.Client{Namespace: "demo"}).Any().UnmarshalNew()
			if err != nil {
				p.t.Fatal(err)
			}
			for _, finding := range clientrules.Check(name, message, clientrules.ClientsOf(mesh.FamilyGRPC)) {
				p.t.Errorf("%s: %v", name, finding)
			}
		}
	}
}

// wantProblem expects a Problem of that severity, or of any severity if it is empty, whose field contains that text.
func (p *plane) wantProblem(severity mesh.Severity, field string) {
	p.t.Helper()
	for _, problem := range p.store.Problems() {
		if (severity == "" || problem.Severity == severity) && strings.Contains(problem.Field, field) {
			return
		}
	}
	p.t.Errorf("no %s has the field %s: %v", severity, field, p.store.Problems())
}

// wantVersion makes a call, which a backend of that version must answer.
func wantVersion(t *testing.T, client testgrpc.TestServiceClient, version string, headers ...string) {
	t.Helper()
	if resp, err := call(t, client, headers...); err != nil || resp.GetServerId() != version {
		t.Errorf("got %v, %v, want an answer of %s", resp, err, version)
	}
}

// TestGap01: a corsPolicy does not make clients reject the route configuration.
func TestGap01(t *testing.T) {
	p := newPlane(t, service("echo", newBackend(t, "a", "v1")),
		routes("echo", "{corsPolicy: {allowOrigins: [{exact: 'https://example.com'}], maxAge: 60s}, route: [{destination: {host: echo}}]}"))
	wantVersion(t, p.dial("echo"), "v1")
	p.wantProblem(mesh.Warning, ".corsPolicy")
	p.checkClientRules()
}

// TestGap02: path prefixes stay prefixes, and the author of a VirtualService is told that a GRPCRoute beside it takes precedence.
func TestGap02(t *testing.T) {
	grpcRoute := "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: echo, namespace: demo}\n" +
		"spec: {parentRefs: [{kind: Service, group: '', name: echo}], rules: [{matches: [{method: {service: grpc.testing.TestService}}], backendRefs: [{name: other, port: 80}]}]}\n"
	echo, other := service("echo", newBackend(t, "a", "v1")), service("other", newBackend(t, "b", "v2"))
	rule := routes("echo", "{match: [{uri: {prefix: /grpc.testing.TestService}}], route: [{destination: {host: echo}}]}")
	p := newPlane(t, echo, other, rule)
	wantVersion(t, p.dial("echo"), "v1")
	p.checkClientRules()
	p = newPlane(t, echo, other, rule, grpcRoute)
	wantVersion(t, p.dial("echo"), "v2")
	p.checkClientRules()
	p.wantProblem(mesh.Warning, "spec.hosts[0]")
}

// TestGap02Gateway: Routes of a gateway beside them have no effect.
func TestGap02Gateway(t *testing.T) {
	grpcRoute := "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: echo, namespace: demo}\n" +
		"spec: {parentRefs: [{name: edge}], rules: [{matches: [{method: {service: grpc.testing.TestService}}]}]}\n"
	p := newPlane(t, service("echo", newBackend(t, "a", "v1")), grpcRoute,
		routes("echo", "{match: [{uri: {prefix: /grpc.testing.TestService}}], route: [{destination: {host: echo}}]}"))
	wantVersion(t, p.dial("echo"), "v1")
	p.checkClientRules()
	if problems := fmt.Sprint(p.store.Problems()); strings.Contains(problems, "GRPCRoute") {
		t.Errorf("a GRPCRoute of a gateway is reported: %s", problems)
	}
}

// TestGap03: direct responses answer, redirects and destinations without weight fail, and none of them affects the
// other rules.
func TestGap03(t *testing.T) {
	p := newPlane(t, service("echo", newBackend(t, "a", "v1")), routes("echo",
		"{match: [{headers: {x-case: {exact: answer}}}], directResponse: {status: 403}}",
		"{match: [{headers: {x-case: {exact: moved}}}], redirect: {authority: elsewhere}}",
		"{match: [{headers: {x-case: {exact: nobody}}}], route: [{destination: {host: echo}, weight: 0}, {destination: {host: other}, weight: 0}]}",
		"{route: [{destination: {host: echo}}]}"))
	client := p.dial("echo")
	for name, want := range map[string]codes.Code{"answer": codes.PermissionDenied, "moved": codes.Unavailable, "nobody": codes.Unavailable, "else": codes.OK} {
		if _, err := call(t, client, "x-case", name); status.Code(err) != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	p.checkClientRules()
	p.wantProblem(mesh.Error, ".redirect")
}

// TestGap08: a policy for servers, which is not enforced here, is reported.
func TestGap08(t *testing.T) {
	p := newPlane(t, service("echo", newBackend(t, "a", "v1")),
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nothing, namespace: demo}\nspec: {}\n")
	wantVersion(t, p.dial("echo"), "v1")
	if problems := fmt.Sprint(p.store.Problems()); !strings.Contains(problems, "AuthorizationPolicy") {
		t.Errorf("no Problem reports that the AuthorizationPolicy is not read: %s", problems)
	}
}

// TestGap09: a route for claims of a token matches no calls, instead of all calls.
func TestGap09(t *testing.T) {
	p := newPlane(t, service("echo", newBackend(t, "a", "v1"), newBackend(t, "b", "v2")), subsets("echo", "v1", "v2"), routes("echo",
		"{match: [{headers: {'@request.auth.claims.group': {exact: admin}}}], route: [{destination: {host: echo, subset: v2}}]}",
		"{route: [{destination: {host: echo, subset: v1}}]}"))
	client := p.dial("echo")
	for range 20 {
		wantVersion(t, client, "v1")
	}
	p.wantProblem(mesh.Error, "[@request.auth.claims.group]")
}

// TestGap13: conditions that are the same for every call are decided in advance, and an absent header satisfies
// withoutHeaders.
func TestGap13(t *testing.T) {
	to := func(subset string) string { return "route: [{destination: {host: echo, subset: " + subset + "}}]" }
	tests := map[string]struct {
		match, headers string
		want           string
	}{
		"method POST":                  {match: "method: {exact: POST}", want: "v2"},
		"another method":               {match: "method: {exact: GET}", want: "v1"},
		"authority":                    {match: "authority: {prefix: echo.demo}", want: "v2"},
		"another authority":            {match: "authority: {exact: elsewhere}", want: "v1"},
		"scheme":                       {match: "scheme: {exact: http}", want: "v1"},
		"without a header: absent":     {match: "withoutHeaders: {x-user: {exact: bob}}", want: "v2"},
		"without a header: another":    {match: "withoutHeaders: {x-user: {exact: bob}}", headers: "ann", want: "v2"},
		"without a header: that value": {match: "withoutHeaders: {x-user: {exact: bob}}", headers: "bob", want: "v1"},
	}
	one, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", one, two), subsets("echo", "v1", "v2"),
				routes("echo", "{match: [{"+test.match+"}], "+to("v2")+"}", "{"+to("v1")+"}"))
			var headers []string
			if test.headers != "" {
				headers = []string{"x-user", test.headers}
			}
			wantVersion(t, p.dial("echo"), test.want, headers...)
		})
	}
}

// TestGap15: names without a port are resolved, a session label breaks nothing, and fields without effect are
// reported. That a change is sent only to its subscribers is shown by the scenario "quiet" of internal/ads.
func TestGap15(t *testing.T) {
	labelled := strings.Replace(service("echo", newBackend(t, "a", "v1")), "{name: echo, namespace: demo}",
		"{name: echo, namespace: demo, labels: {istio.io/persistent-session: session}}", 1)
	p := newPlane(t, labelled, routes("echo", "{mirror: {host: echo}, retries: {attempts: 1, perTryTimeout: 1s}, route: [{destination: {host: echo}}]}"))
	for _, name := range []string{"echo", "echo.demo", "echo.demo.svc.cluster.local", "echo:80"} {
		wantVersion(t, p.dial(name), "v1")
	}
	p.wantProblem(mesh.Warning, ".mirror")
	p.wantProblem(mesh.Warning, ".retries.perTryTimeout")
}
