package behaviour

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

func TestWeights(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	want := map[string]float64{"v1": 0.7, "v2": 0.2, "v3": 0.1}
	p := newPlane(t, service("echo", v1, v2, v3), subsets("echo", "v1", "v2", "v3"), routes("echo",
		"route: [{destination: {host: echo, subset: v1}, weight: 70}, {destination: {host: echo, subset: v2}, weight: 20}, {destination: {host: echo, subset: v3}, weight: 10}]"))
	client := p.dial("echo")
	const calls = 5000
	got := map[string]float64{}
	for range calls {
		resp, err := call(t, client)
		if err != nil {
			t.Fatal(err)
		}
		got[resp.GetServerId()]++
	}
	// Pearson's chi-squared test with two degrees of freedom. A correct client exceeds 27.6 once in a million times.
	chi := 0.0
	for version, share := range want {
		expected := share * calls
		chi += (got[version] - expected) * (got[version] - expected) / expected
	}
	if chi > 27.6 {
		t.Errorf("%v of %d calls do not follow %v: chi-square %.1f", got, calls, want, chi)
	}
}

func TestRoutingByHeaderAndMethod(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	to := func(subset string) string { return "route: [{destination: {host: echo, subset: " + subset + "}}]" }
	p := newPlane(t, service("echo", v1, v2, v3), subsets("echo", "v1", "v2", "v3"), routes("echo",
		"{match: [{headers: {x-user: {exact: ann}, x-tier: {prefix: g}}}], "+to("v1")+"}",
		"{match: [{uri: {exact: /grpc.testing.TestService/UnaryCall}, withoutHeaders: {x-user: {}}}], "+to("v2")+"}",
		"{match: [{uri: {prefix: /grpc.testing.}, headers: {x-user: {regex: 'b.*'}}}], "+to("v3")+"}"))
	client := p.dial("echo.demo.svc:grpc")
	tests := map[string]struct {
		headers []string
		want    string // the version, or the text of the error
	}{
		"both headers":           {[]string{"x-user", "ann", "x-tier", "gold"}, "v1"},
		"no header":              {nil, "v2"},
		"an expression":          {[]string{"x-user", "bob"}, "v3"},
		"one of two headers":     {[]string{"x-user", "ann"}, "no matched route"},
		"half of the expression": {[]string{"x-user", "abob"}, "no matched route"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resp, err := call(t, client, test.headers...)
			if got := resp.GetServerId() + status.Convert(err).Message(); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRetriesAreSeenAtTheBackend(t *testing.T) {
	tests := map[string]struct {
		rule     string
		failures int32
		want     codes.Code
		attempts []string
	}{
		"by default two":             {"", 2, codes.OK, []string{"", "1", "2"}},
		"by default no more":         {"", 5, codes.Unavailable, []string{"", "1", "2"}},
		"none":                       {"retries: {attempts: 0}, ", 1, codes.Unavailable, []string{""}},
		"as many as the author says": {"retries: {attempts: 3, retryOn: unavailable}, ", 3, codes.OK, []string{"", "1", "2", "3"}},
		"at most four":               {"retries: {attempts: 10, retryOn: unavailable}, ", 9, codes.Unavailable, []string{"", "1", "2", "3", "4"}},
		"on another status only":     {"retries: {attempts: 3, retryOn: internal}, ", 1, codes.Unavailable, []string{""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, "a", "v1")
			p := newPlane(t, service("echo", b), routes("echo", "{"+test.rule+"route: [{destination: {host: echo}}]}"))
			b.failures.Store(test.failures)
			if _, err := call(t, p.dial("echo")); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if attempts, _ := b.seen(); !slices.Equal(attempts, test.attempts) {
				t.Errorf("the backend saw attempts %q, want %q", attempts, test.attempts)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t, service("echo", b), routes("echo", "{timeout: 0.2s, route: [{destination: {host: echo}}]}"))
	client := p.dial("echo:80")
	_, err := client.EmptyCall(t.Context(), &testgrpc.Empty{})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	if _, budgets := b.seen(); len(budgets) != 1 || budgets[0] <= 0 || budgets[0] > 200*time.Millisecond {
		t.Errorf("the backend saw calls with %v left, want one with at most 200ms", budgets)
	}
}

func TestMaximumRequests(t *testing.T) {
	b := newBackend(t, "a", "v1")
	limit := "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\n" +
		"spec: {host: echo, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 2}}}}\n"
	p := newPlane(t, service("echo", b), limit, routes("echo", "{retries: {attempts: 0}, route: [{destination: {host: echo}}]}"))
	client := p.dial("echo")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outcomes := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := client.EmptyCall(ctx, &testgrpc.Empty{})
			outcomes <- err
		}()
	}
	// Two calls wait at the backend. The client fails the third one, which ends first.
	if err := <-outcomes; status.Code(err) != codes.Unavailable {
		t.Errorf("the call beyond the limit ended with %v, want Unavailable", err)
	}
	close(b.block)
	for range 2 {
		if err := <-outcomes; err != nil {
			t.Errorf("a call within the limit: %v", err)
		}
	}
}

func TestServiceComesAndGoes(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t)
	client := p.dial("echo:80")
	unknown := func(_ *testgrpc.SimpleResponse, err error) bool {
		return status.Code(err) == codes.Unavailable && strings.Contains(status.Convert(err).Message(), `"echo:80"`)
	}
	answered := func(_ *testgrpc.SimpleResponse, err error) bool { return err == nil }
	until(t, client, "an unknown host fails and is named", unknown)
	if got := p.store.UnknownNames(); len(got) != 1 || got[0].Name != "echo:80" || got[0].Namespace != "demo" || got[0].Examples[0].Node != t.Name() {
		t.Errorf("got %+v, want echo:80, dialed by this client", got)
	}
	p.write("echo.yaml", service("echo", b))
	until(t, client, "the Service is found once it exists", answered)
	if got := p.store.UnknownNames(); len(got) != 0 {
		t.Errorf("got %+v, want no unknown name once the Service exists", got)
	}
	p.write("echo.yaml")
	until(t, client, "a deleted Service is unknown again", unknown)
	p.write("echo.yaml", service("echo", b))
	until(t, client, "and found again", answered)
}

// TestExternalName: a Service of type ExternalName is resolved by DNS, which resolves localhost everywhere.
func TestExternalName(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t, fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: outside, namespace: demo}\n"+
		"spec: {type: ExternalName, externalName: localhost, ports: [{name: grpc, port: %d}]}\n", b.port))
	resp, err := call(t, p.dial("outside:grpc"))
	if err != nil || resp.GetHostname() != "a" {
		t.Errorf("got %v, %v, want an answer of a", resp, err)
	}
}

// TestBrokenObjectsAffectNothingElse: a broken object affects neither the objects beside it nor the previous content
// of its file.
func TestBrokenObjectsAffectNothingElse(t *testing.T) {
	one, two := newBackend(t, "a", "v1"), newBackend(t, "b", "v1")
	p := newPlane(t, service("one", one))
	p.write("two.yaml", service("two", two))
	first, second := p.dial("one"), p.dial("two")
	answered := func(_ *testgrpc.SimpleResponse, err error) bool { return err == nil }
	until(t, first, "one answers", answered)
	until(t, second, "two answers", answered)
	p.write("two.yaml", "kind: [\n", routes("one", "{match: [{uri: {regex: '(['}}], route: [{destination: {host: nobody}}]}", "route: [{destination: {host: one}}]"))
	for i := range 200 {
		for _, c := range []testgrpc.TestServiceClient{first, second} {
			if _, err := call(t, c); err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		if problems := fmt.Sprint(p.store.Problems()); strings.Contains(problems, "Unreadable") && strings.Contains(problems, "InvalidRegex") {
			return
		}
	}
	t.Errorf("the problems are %v, want one of the file and one of the expression", p.store.Problems())
}

// TestAlias: a Service of type ExternalName that names a Service of the cluster follows its rules, and its calls are
// balanced over the endpoints. Its author moves it to another Service under calls, and none fails.
func TestAlias(t *testing.T) {
	one, two, other := newBackend(t, "one", "v1"), newBackend(t, "two", "v2"), newBackend(t, "other", "v3")
	alias := func(of string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: alias, namespace: demo}\nspec: {type: ExternalName, externalName: " + of + "}\n"
	}
	p := newPlane(t, service("echo", one, two), service("next", other),
		routes("echo", "{match: [{headers: {x-stop: {exact: 'yes'}}}], directResponse: {status: 403}}", "route: [{destination: {host: echo}}]"))
	p.write("alias.yaml", alias("echo.demo.svc.cluster.local"))
	client := p.dial("alias")
	until(t, client, "the alias is found", func(_ *testgrpc.SimpleResponse, err error) bool { return err == nil })
	if got := answerers(t, client); len(got) != 2 {
		t.Errorf("got answers of %q, want both endpoints", got)
	}
	if _, err := call(t, client, "x-stop", "yes"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v, want the rule of the Service", err)
	}
	p.write("alias.yaml", alias("next"))
	until(t, client, "the alias moves", func(resp *testgrpc.SimpleResponse, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetHostname() == "other"
	})
	p.write("alias.yaml", alias("absent.demo.svc"))
	until(t, client, "an alias of nothing fails", func(_ *testgrpc.SimpleResponse, err error) bool {
		return status.Code(err) == codes.Unavailable
	})
}
