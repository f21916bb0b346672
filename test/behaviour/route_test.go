package behaviour

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// route is a GRPCRoute, or an object of the kind, for parents and with rules, each a YAML flow mapping.
func route(kind, name, parent string, rules ...string) string {
	namespace, short, ok := strings.Cut(name, "/")
	if !ok {
		namespace, short = "demo", name
	}
	return fmt.Sprintf("apiVersion: gateway.networking.k8s.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec:\n  parentRefs: [{group: '', kind: Service, %s}]\n  rules:\n  - %s\n",
		kind, short, namespace, parent, strings.Join(rules, "\n  - "))
}

func grpcRoute(name, parent string, rules ...string) string {
	return route("GRPCRoute", name, parent, rules...)
}

// sendTo is the only backend of a rule.
func sendTo(service string) string { return "backendRefs: [{name: " + service + ", port: 80}]" }

// wantEach makes a call with each pair of headers, and wants the version, or the code of the error.
func wantEach(t *testing.T, client testgrpc.TestServiceClient, want map[string]string) {
	t.Helper()
	for headers, version := range want {
		resp, err := call(t, client, strings.Fields(headers)...)
		got := resp.GetServerId()
		if err != nil {
			got = status.Code(err).String()
		}
		if got != version {
			t.Errorf("with the headers %q: got %q, %v, want %q", headers, got, err, version)
		}
	}
}

func TestGRPCRoute(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	services := service("echo", v1) + "---\n" + service("two", v2) + "---\n" + service("three", v3)
	const method = "service: grpc.testing.TestService, method: UnaryCall"
	tests := map[string]struct {
		rules []string
		want  map[string]string
	}{
		"the method": {
			[]string{"{matches: [{method: {" + method + "}}], " + sendTo("two") + "}"}, map[string]string{"": "v2"},
		},
		"another method is refused": {
			[]string{"{matches: [{method: {service: grpc.testing.TestService, method: EmptyCall}}], " + sendTo("two") + "}"}, map[string]string{"": "Unimplemented"},
		},
		"every method of the service": {
			[]string{"{matches: [{method: {service: grpc.testing.TestService}}], " + sendTo("two") + "}"}, map[string]string{"": "v2"},
		},
		"not a part of the service's name": {
			[]string{"{matches: [{method: {service: grpc.testing.Test}}], " + sendTo("two") + "}"}, map[string]string{"": "Unimplemented"},
		},
		"the method of any service": {
			[]string{"{matches: [{method: {method: UnaryCall}}], " + sendTo("two") + "}"}, map[string]string{"": "v2"},
		},
		"expressions": {
			[]string{"{matches: [{method: {type: RegularExpression, service: 'grpc.*', method: 'U.*'}}], " + sendTo("two") + "}"}, map[string]string{"": "v2"},
		},
		"an expression for a part": {
			[]string{"{matches: [{method: {type: RegularExpression, service: grpc, method: 'U.*'}}], " + sendTo("two") + "}"}, map[string]string{"": "Unimplemented"},
		},
		"headers": {
			[]string{
				"{matches: [{headers: [{name: X-User, value: ann}]}, {headers: [{name: x-user, type: RegularExpression, value: 'b.*'}, {name: x-tier, value: gold}]}], " + sendTo("two") + "}",
				"{" + sendTo("three") + "}",
			},
			map[string]string{"": "v3", "x-user ann": "v2", "x-user bob": "v3", "x-user bob x-tier gold": "v2", "x-user abob x-tier gold": "v3"},
		},
		"the most specific first": {
			[]string{
				"{" + sendTo("echo") + "}",
				"{matches: [{method: {service: grpc.testing.TestService}}], " + sendTo("two") + "}",
				"{matches: [{method: {" + method + "}, headers: [{name: x-user, value: ann}]}], " + sendTo("three") + "}",
			},
			map[string]string{"": "v2", "x-user ann": "v3"},
		},
		"an invalid match beside a valid one": {
			[]string{"{matches: [{method: {type: RegularExpression, service: '('}}, {headers: [{name: x-user, value: ann}]}], " + sendTo("two") + "}"},
			map[string]string{"": "Unimplemented", "x-user ann": "v2"},
		},
		"a filter that is not known": {
			[]string{"{filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Limit, name: x}}], " + sendTo("two") + "}"},
			map[string]string{"": "Unavailable"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, services, grpcRoute("echo", "name: echo", test.rules...))
			wantEach(t, p.dial("echo"), test.want)
		})
	}
}

// TestUnmatchedCalls: what no match takes is refused by the client itself, once.
func TestUnmatchedCalls(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t, service("echo", b), grpcRoute("echo", "name: echo", "{matches: [{headers: [{name: x-user, value: ann}]}], "+sendTo("echo")+"}"))
	client := p.dial("echo")
	wantEach(t, client, map[string]string{"x-user ann": "v1"})
	b.seen()
	start := time.Now()
	wantEach(t, client, map[string]string{"": "Unimplemented"})
	if attempts, _ := b.seen(); len(attempts) > 0 || time.Since(start) > 10*time.Second {
		t.Errorf("the backend saw %d attempts, and the call took %s; want the client to refuse it", len(attempts), time.Since(start))
	}
}

// TestConsumerRoute: a Route in the client's namespace replaces the Routes in the Service's namespace wholly.
func TestConsumerRoute(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	p := newPlane(t, service("echo", v1), service("two", v2),
		grpcRoute("producer", "name: echo", "{matches: [{headers: [{name: x-user, value: ann}]}], "+sendTo("echo")+"}"),
		grpcRoute("shop/consumer", "name: echo, namespace: demo", "{backendRefs: [{name: two, namespace: demo, port: 80}]}"))
	wantEach(t, p.dial("echo"), map[string]string{"": "Unimplemented", "x-user ann": "v1"})
	wantEach(t, p.dialAs("echo.demo", bootstrap.Options{Namespace: "shop"}), map[string]string{"": "v2", "x-user ann": "v2"})
	wantEach(t, p.dialAs("echo.demo", bootstrap.Options{Namespace: "cart"}), map[string]string{"": "Unimplemented", "x-user ann": "v1"})
}

// TestRoutesByPort: ports that no Route is for keep their own route, or that of a VirtualService.
func TestRoutesByPort(t *testing.T) {
	own, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	aside := service("two", two)
	refused := routes("echo", "{directResponse: {status: 403}}")
	tests := map[string]struct {
		objects []string
		want    [2]string // on port 80 and 81
	}{
		"all ports": {[]string{grpcRoute("echo", "name: echo", "{"+sendTo("two")+"}")}, [2]string{"v2", "v2"}},
		"a number":  {[]string{grpcRoute("echo", "name: echo, port: 81", "{"+sendTo("two")+"}")}, [2]string{"v1", "v2"}},
		"a name":    {[]string{grpcRoute("echo", "name: echo, sectionName: grpc", "{"+sendTo("two")+"}")}, [2]string{"v2", "v1"}},
		"no port":   {[]string{grpcRoute("echo", "name: echo, port: 82", "{"+sendTo("two")+"}")}, [2]string{"v1", "v1"}},
		"before a VirtualService": {
			[]string{grpcRoute("echo", "name: echo, port: 81", "{"+sendTo("two")+"}"), refused}, [2]string{"PermissionDenied", "v2"},
		},
		"before an HTTPRoute": {
			[]string{
				grpcRoute("echo", "name: echo, port: 80", "{"+sendTo("two")+"}"), refused,
				route("HTTPRoute", "echo", "name: echo", "{backendRefs: [{name: echo, port: 81}]}"),
			},
			[2]string{"v2", "v1"},
		},
		"for a gateway": {
			[]string{strings.Replace(grpcRoute("echo", "name: echo", "{"+sendTo("two")+"}"), "group: '', kind: Service, ", "", 1)}, [2]string{"v1", "v1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, append(test.objects, twoPorts(own), aside)...)
			wantEach(t, p.dial("echo:80"), map[string]string{"": test.want[0]})
			wantEach(t, p.dial("echo:81"), map[string]string{"": test.want[1]})
		})
	}
}

// TestRouteBackends: shares of what is not there fail, and only these.
func TestRouteBackends(t *testing.T) {
	own, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	services := service("echo", own) + "---\n" + service("two", two)
	tests := map[string]struct {
		backends string
		want     []string // all results
	}{
		"one":                        {"{name: two, port: 80}", []string{"v2"}},
		"two":                        {"{name: two, port: 80}, {name: echo, port: 80}", []string{"v1", "v2"}},
		"a Service that is missing":  {"{name: two, port: 80}, {name: absent, port: 80}", []string{"Unavailable", "v2"}},
		"a port that is missing":     {"{name: two, port: 80}, {name: echo, port: 81}", []string{"Unavailable", "v2"}},
		"another kind":               {"{name: two, port: 80}, {group: example.com, kind: Bucket, name: two, port: 80}", []string{"Unavailable", "v2"}},
		"missing, without a share":   {"{name: two, port: 80, weight: 1}, {name: absent, port: 80, weight: 0}", []string{"v2"}},
		"one without a share":        {"{name: two, port: 80, weight: 0}", []string{"Unavailable"}},
		"none has a share":           {"{name: two, port: 80, weight: 0}, {name: echo, port: 80, weight: 0}", []string{"Unavailable"}},
		"none":                       {"", []string{"Unavailable"}},
		"one share is not a percent": {"{name: two, port: 80, weight: 7}, {name: echo, port: 80, weight: 0}", []string{"v2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := newPlane(t, services, grpcRoute("echo", "name: echo", "{backendRefs: ["+test.backends+"]}")).dial("echo")
			var got []string
			for range 60 {
				resp, err := call(t, client)
				result := resp.GetServerId()
				if err != nil {
					result = status.Code(err).String()
				}
				got = append(got, result)
			}
			if got = slices.Compact(slices.Sorted(slices.Values(got))); !slices.Equal(got, test.want) {
				t.Errorf("60 calls gave %q, want %q", got, test.want)
			}
		})
	}
}

// TestRouteWithoutCallsThatFail: Routes come, shift weights and go under load. No call fails: a Service whose last Route goes has
// its own route at once.
func TestRouteWithoutCallsThatFail(t *testing.T) {
	own, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	services := service("echo", own) + "---\n" + service("two", two)
	split := func(first, second int) string {
		return grpcRoute("echo", "name: echo", fmt.Sprintf("{backendRefs: [{name: echo, port: 80, weight: %d}, {name: two, port: 80, weight: %d}]}", first, second))
	}
	p := newPlane(t, services)
	client := p.dial("echo")
	until(t, client, "the Service answers", answeredBy(own))
	stop := loadOn(t, client)
	for range 10 {
		p.write("objects.yaml", services, split(100, 0))
		p.write("objects.yaml", services, split(0, 100))
		until(t, client, "the other answers", answeredBy(two))
		p.write("objects.yaml", services)
		until(t, client, "the Service answers", answeredBy(own))
	}
	stop()
}

func TestRouteAnnotations(t *testing.T) {
	b := newBackend(t, "a", "v1")
	annotated := func(annotations string) string {
		return strings.Replace(grpcRoute("echo", "name: echo", "{"+sendTo("echo")+"}"), "namespace: demo}", "namespace: demo, annotations: {"+annotations+"}}", 1)
	}
	t.Run("timeout", func(t *testing.T) {
		client := newPlane(t, service("echo", b), annotated("mizzen.dev/timeout: 300ms")).dial("echo")
		if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want the deadline to be exceeded", err)
		}
	})
	t.Run("retries", func(t *testing.T) {
		client := newPlane(t, service("echo", b), annotated(`mizzen.dev/retries: '{"attempts": 3, "retryOn": "unavailable", "backoff": "25ms"}'`)).dial("echo")
		wantVersion(t, client, "v1")
		b.seen()
		b.failures.Store(3)
		wantVersion(t, client, "v1")
		if attempts, _ := b.seen(); !slices.Equal(attempts, []string{"", "1", "2", "3"}) {
			t.Errorf("the backend saw the attempts %q", attempts)
		}
	})
	t.Run("no retries", func(t *testing.T) {
		client := newPlane(t, service("echo", b), annotated(`mizzen.dev/retries: '{"attempts": 0}'`)).dial("echo")
		wantVersion(t, client, "v1")
		b.failures.Store(1)
		wantEach(t, client, map[string]string{"": "Unavailable"})
	})
}

func TestHTTPRoute(t *testing.T) {
	own, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	services := service("echo", own) + "---\n" + service("two", two)
	const path = "/grpc.testing.TestService/UnaryCall"
	tests := map[string]struct {
		matches string
		want    map[string]string
	}{
		"all":                         {"", map[string]string{"": "v2"}},
		"the path":                    {"{path: {type: Exact, value: " + path + "}}", map[string]string{"": "v2"}},
		"a prefix of one segment":     {"{path: {value: /grpc.testing.TestService}}", map[string]string{"": "v2"}},
		"a prefix of two segments":    {"{path: {type: PathPrefix, value: " + path + "/}}", map[string]string{"": "v2"}},
		"a prefix of half a segment":  {"{path: {value: /grpc.testing}}", map[string]string{"": "Unimplemented"}},
		"an expression":               {"{path: {type: RegularExpression, value: '/grpc.*'}}", map[string]string{"": "v2"}},
		"another path":                {"{path: {type: Exact, value: /v2}}", map[string]string{"": "Unimplemented"}},
		"POST":                        {"{method: POST}", map[string]string{"": "v2"}},
		"GET":                         {"{method: GET}", map[string]string{"": "Unimplemented"}},
		"headers":                     {"{headers: [{name: X-User, value: ann}, {name: x-tier, type: RegularExpression, value: 'g.*'}]}", map[string]string{"": "Unimplemented", "x-user ann": "Unimplemented", "x-user ann x-tier gold": "v2"}},
		"a query, beside another":     {"{queryParams: [{name: a, value: b}]}, {headers: [{name: x-user, value: ann}]}", map[string]string{"": "Unimplemented", "x-user ann": "v2"}},
		"a wrong type beside another": {"{path: {type: Suffix, value: a}}, {method: POST}", map[string]string{"": "v2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rule := "{" + sendTo("two") + "}"
			if test.matches != "" {
				rule = "{matches: [" + test.matches + "], " + sendTo("two") + "}"
			}
			p := newPlane(t, services, route("HTTPRoute", "echo", "name: echo", rule))
			wantEach(t, p.dial("echo"), test.want)
		})
	}
}

func TestHTTPRouteLimits(t *testing.T) {
	b := newBackend(t, "a", "v1")
	plane := func(t *testing.T, settings string) testgrpc.TestServiceClient {
		t.Helper()
		return newPlane(t, service("echo", b), route("HTTPRoute", "echo", "name: echo", "{"+settings+", "+sendTo("echo")+"}")).dial("echo")
	}
	t.Run("timeout", func(t *testing.T) {
		if _, err := plane(t, "timeouts: {request: 300ms}").EmptyCall(t.Context(), &testgrpc.Empty{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want the deadline to be exceeded", err)
		}
	})
	tests := map[string]struct {
		retry    string
		failures int32
		want     string
		attempts []string
	}{
		"503":            {"retry: {codes: [503], attempts: 3, backoff: 10ms}", 3, "v1", []string{"", "1", "2", "3"}},
		"once, if unset": {"retry: {codes: [503]}", 2, "Unavailable", []string{"", "1"}},
		"never":          {"retry: {attempts: 0}", 1, "Unavailable", []string{""}},
		"500":            {"retry: {codes: [500], attempts: 3}", 1, "Unavailable", []string{""}},
		"at most four":   {"retry: {attempts: 9, backoff: 10ms}", 9, "Unavailable", []string{"", "1", "2", "3", "4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := plane(t, test.retry)
			wantVersion(t, client, "v1")
			b.seen()
			b.failures.Store(test.failures)
			wantEach(t, client, map[string]string{"": test.want})
			b.failures.Store(0)
			if attempts, _ := b.seen(); !slices.Equal(attempts, test.attempts) {
				t.Errorf("the backend saw the attempts %q, want %q", attempts, test.attempts)
			}
		})
	}
	t.Run("backoff", func(t *testing.T) {
		client := plane(t, "retry: {codes: [503], attempts: 1, backoff: 500ms}")
		wantVersion(t, client, "v1")
		b.failures.Store(1)
		start := time.Now()
		wantVersion(t, client, "v1")
		if took := time.Since(start); took < 390*time.Millisecond { // clients vary the backoff by a fifth
			t.Errorf("the second attempt succeeded after %s, want a pause of about 0.5s", took)
		}
	})
}
