// Package httpscenes has the scenes that every adapter for a framework of plain HTTP plays, with servers and clients of that
// framework and a real control plane.
package httpscenes

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// Framework is what differs between frameworks.
type Framework struct {
	// Serve runs a server until stop is called. It answers each request with b.Answer.
	Serve func(t *testing.T, l net.Listener, b *Backend) (stop func())
	// Dial makes a client that calls the host by the mesh.
	Dial func(t *testing.T, mesh *xds.Client, host string) Caller
}

// Caller makes a call: a path with a query, headers as NAME=VALUE, and a body. A response of any status is no error, except that a
// framework may leave out the Header of what it takes for an error.
type Caller func(ctx context.Context, method, uri, body string, headers ...string) (Response, error)

// Response is what a client gets.
type Response struct {
	Status int
	Body   string
	Header func(name string) string
}

// Request is what a server sees.
type Request struct {
	Method, URI, Host, Body string
	Header                  func(name string) string
}

// Backend is a server of one version.
type Backend struct {
	version string
	stop    func()
	mu      sync.Mutex
	// fail are the statuses of the next requests, in turn; slow delays them.
	fail []int
	slow time.Duration
	seen []string
}

// Answer is the status and the body of a response, and the value of its header server-version.
func (b *Backend) Answer(r Request) (status int, body, version string) {
	b.mu.Lock()
	slow := b.slow
	status = 200
	if len(b.fail) > 0 {
		status, b.fail = b.fail[0], b.fail[1:]
	}
	body = fmt.Sprintf("%s: %s %s at %s with %s, added %s", b.version, r.Method, r.URI, r.Host, r.Body, r.Header("x-added"))
	b.seen = append(b.seen, body)
	b.mu.Unlock()
	time.Sleep(slow) //nolint:forbidigo // a slow server
	return status, body, b.version
}

func (b *Backend) be(slow time.Duration, fail ...int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow, b.fail, b.seen = slow, fail, nil
}

func (b *Backend) saw(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.seen, func(s string) bool { return strings.Contains(s, text) })
}

// scene is one test.
type scene struct {
	*testing.T
	Framework
	backends  map[string]*Backend
	endpoints []string
	plane     *meshtest.Plane
}

// Run plays all scenes.
func Run(t *testing.T, f Framework) {
	for name, play := range map[string]func(*scene){
		"weights": weights, "matches": matches, "actions": actions, "unknown host": unknown, "outage": outage, "no plane": noPlane,
		"server away": serverAway, "limits": limits, "retries": retries, "copies": copies, "hashes": hashes, "outliers": ejections,
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{T: t, Framework: f, backends: map[string]*Backend{}}
			for _, version := range []string{"v1", "v2"} {
				s.start(version)
			}
			play(s)
		})
	}
}

func (s *scene) start(version string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	b := &Backend{version: version}
	b.stop = sync.OnceFunc(s.Serve(s.T, l, b))
	s.Cleanup(b.stop)
	s.backends[version] = b
	s.endpoints = append(s.endpoints, l.Addr().String()+"="+version)
}

// objects are the Service, its subsets and a VirtualService with these rules.
func (s *scene) objects(rules ...string) []string {
	return []string{meshtest.Service("echo", "http", s.endpoints...), meshtest.Subsets("echo", "v1", "v2"), meshtest.Routes("echo", rules...)}
}

// caller is a client of echo with these rules.
func (s *scene) caller(rules ...string) Caller {
	s.Helper()
	s.plane = meshtest.Start(s.T, s.objects(rules...)...)
	return s.Dial(s.T, s.mesh(), "echo:8080")
}

func (s *scene) mesh() *xds.Client {
	s.Helper()
	boot, err := xds.ParseBootstrap([]byte(s.plane.Bootstrap()))
	if err != nil {
		s.Fatal(err)
	}
	mesh, err := xds.NewClient(xds.Options{Bootstrap: boot, Patience: meshtest.Patience, HTTP: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(mesh.Close)
	return mesh
}

// patient bounds a call that must not fail for want of time.
func (s *scene) patient() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), meshtest.Patience)
	s.Cleanup(cancel)
	return ctx
}

// want makes a GET request, whose response must have the status and contain the text.
func (s *scene) want(call Caller, uri string, status int, text string, headers ...string) Response {
	s.Helper()
	got, err := call(s.patient(), "GET", uri, "", headers...)
	if err != nil || got.Status != status || !strings.Contains(got.Body, text) {
		s.Fatalf("%s with %q: got %d %q and %v, want %d %q", uri, headers, got.Status, got.Body, err, status, text)
	}
	return got
}

func weights(s *scene) {
	call := s.caller("route: [{destination: {host: echo, subset: v1}, weight: 75}, {destination: {host: echo, subset: v2}, weight: 25}]")
	const calls = 800
	second := 0
	for range calls {
		got, err := call(s.patient(), "GET", "/", "")
		if err != nil || got.Status != 200 {
			s.Fatal(got.Status, err)
		}
		if strings.HasPrefix(got.Body, "v2") {
			second++
		}
	}
	// Six standard deviations.
	if second < calls/4-74 || second > calls/4+74 {
		s.Errorf("got %d of %d calls, want a quarter", second, calls)
	}
}

func matches(s *scene) {
	call := s.caller(
		"{match: [{uri: {exact: /exact}}, {uri: {prefix: /api/}, method: {exact: GET}, queryParams: {v: {exact: '2'}}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{uri: {regex: '/r/[0-9]+'}, headers: {x-user: {prefix: an}}, withoutHeaders: {x-off: {}}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{authority: {exact: 'echo:8080'}, uri: {prefix: /host}}], "+meshtest.To("echo", "v2")+"}",
		"{match: [{withoutHeaders: {x-closed: {}}}], "+meshtest.To("echo", "v1")+"}")
	for _, test := range []struct{ uri, headers, version string }{
		{"/exact", "", "v2"},
		{"/exact?v=1", "", "v2"},
		{"/exact/", "", "v1"},
		{"/api/x?v=2", "", "v2"},
		{"/api/x?w=1&v=2", "", "v2"},
		{"/api/x?v=1&v=2", "", "v1"},
		{"/api/x", "", "v1"},
		{"/r/17", "x-user=ann", "v2"},
		{"/r/17", "x-user=bob", "v1"},
		{"/r/17a", "x-user=ann", "v1"},
		{"/r/17", "x-user=ann x-off=1", "v1"},
		{"/host", "", "v2"},
	} {
		uri, _, _ := strings.Cut(test.uri, "?")
		s.want(call, test.uri, 200, test.version+": GET "+uri, strings.Fields(test.headers)...)
	}
	if got, err := call(s.patient(), "POST", "/api/x?v=2", "text"); err != nil || !strings.Contains(got.Body, "v1: POST /api/x?v=2 at echo:8080 with text") {
		s.Errorf("got %q and %v, want another method to take the other route", got.Body, err)
	}
	if got, err := call(s.patient(), "GET", "/other", "", "x-closed=1"); err == nil || !strings.Contains(err.Error(), "no route") {
		s.Errorf("got %v and %v, want the call to fail without a route", got, err)
	}
}

func actions(s *scene) {
	call := s.caller(
		"{match: [{uri: {prefix: /old/}}], rewrite: {uri: /new/, authority: other.example}, "+meshtest.To("echo", "v1")+"}",
		"{match: [{uri: {prefix: /regex/}}], rewrite: {uriRegexRewrite: {match: '/regex/(.*)/(.*)', rewrite: '/\\2/\\1'}}, "+meshtest.To("echo", "v1")+"}",
		"{match: [{uri: {exact: /edit}}], headers: {request: {add: {x-added: 'yes'}}, response: {set: {x-by: mesh}, remove: [server-version]}}, "+meshtest.To("echo", "v1")+"}",
		"{match: [{uri: {exact: /direct}}], directResponse: {status: 203, body: {string: from the mesh}}}",
		"{match: [{uri: {exact: /moved}}], redirect: {uri: /edit, redirectCode: 307}}",
		"{match: [{uri: {exact: /fault}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, "+meshtest.To("echo", "v1")+"}",
		meshtest.To("echo", "v1"))
	s.want(call, "/old/a%20b?q=%41", 200, "v1: GET /new/a%20b?q=%41 at other.example with ")
	s.want(call, "/regex/a/b", 200, "v1: GET /b/a at echo:8080")
	if got := s.want(call, "/edit", 200, "added yes"); got.Header("x-by") != "mesh" || got.Header("server-version") != "" {
		s.Errorf("got x-by %q and server-version %q, want what the rule sets and removes", got.Header("x-by"), got.Header("server-version"))
	}
	if got := s.want(call, "/plain", 200, "added "); got.Header("server-version") != "v1" || strings.Contains(got.Body, "yes") {
		s.Errorf("got %q with %q, want headers as they are", got.Body, got.Header("server-version"))
	}
	s.want(call, "/direct", 203, "from the mesh")
	s.want(call, "/fault", 418, "")
	// Some clients follow redirects.
	if got, err := call(s.patient(), "GET", "/moved", ""); err != nil || got.Status != 307 && !strings.Contains(got.Body, "added yes") || got.Status == 307 && got.Header("location") != "http://echo:8080/edit" {
		s.Errorf("got %d %q and %v, want a redirect to /edit", got.Status, got.Body, err)
	}
}

// unknown has a name that does not exist fail at once, and names without a port, in any case, found.
func unknown(s *scene) {
	s.caller(meshtest.To("echo", "v1"))
	s.want(s.Dial(s.T, s.mesh(), "ECHO.demo"), "/", 200, "v1")
	call := s.Dial(s.T, s.mesh(), "nobody.example:8080")
	begun := time.Now()
	if got, err := call(s.patient(), "GET", "/", ""); err == nil || !strings.Contains(err.Error(), "nobody.example:8080") {
		s.Errorf("got %v and %v, want an error that names the host", got, err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		s.Errorf("the call failed after %v, want immediately", took)
	}
}

// outage has calls go on while the control plane is away, and follow it when it is back.
func outage(s *scene) {
	call := s.caller(meshtest.To("echo", "v1"))
	s.want(call, "/", 200, "v1")
	s.plane.Kill()
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		s.want(call, "/", 200, "v1")
	}
	s.plane.Write(s.objects(meshtest.To("echo", "v2"))...)
	s.plane.Run()
	meshtest.Eventually(s.T, func() error {
		if got, err := call(s.patient(), "GET", "/", ""); err != nil || !strings.HasPrefix(got.Body, "v2") {
			return fmt.Errorf("got %q and %w, want v2", got.Body, err)
		}
		return nil
	})
}

// noPlane fails calls in the time that they have, and says what is missing.
func noPlane(s *scene) {
	s.plane = meshtest.Start(s.T)
	s.plane.Kill()
	call := s.Dial(s.T, s.mesh(), "echo:8080")
	ctx, cancel := context.WithTimeout(s.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got, err := call(ctx, "GET", "/", ""); err == nil || !strings.Contains(err.Error(), "control plane") {
		s.Errorf("got %v and %v, want an error about the control plane", got, err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		s.Errorf("the call took %v, want its own limit", took)
	}
}

// serverAway has calls go to the endpoints that can be reached. No call fails.
func serverAway(s *scene) {
	call := s.caller("route: [{destination: {host: echo}}]")
	s.backends["v2"].stop()
	for range 50 {
		s.want(call, "/", 200, "v1")
	}
}

// limits has the timeout of a rule, and the time of each attempt, end calls.
func limits(s *scene) {
	call := s.caller(
		"{match: [{uri: {exact: /try}}], retries: {attempts: 1, perTryTimeout: 300ms, retryOn: 5xx}, "+meshtest.To("echo", "v1")+"}",
		"{timeout: 300ms, "+meshtest.To("echo", "v1")+"}")
	s.want(call, "/", 200, "v1")
	s.backends["v1"].be(3 * time.Second)
	for _, uri := range []string{"/", "/try"} {
		begun := time.Now()
		if got, err := call(s.patient(), "GET", uri, ""); err == nil {
			s.Errorf("%s: got %v, want a timeout", uri, got)
		}
		if took := time.Since(begun); took > 2*time.Second {
			s.Errorf("%s: the call took %v, want the rule's limit", uri, took)
		}
	}
}

// retries: a status that the rule names is tried again, with the same body. By default none is.
func retries(s *scene) {
	call := s.caller(
		"{match: [{uri: {exact: /repeat}}], retries: {attempts: 2, retryOn: '503', backoff: 1ms}, headers: {request: {add: {x-added: once}}}, "+meshtest.To("echo", "v1")+"}",
		meshtest.To("echo", "v1"))
	for _, test := range []struct {
		uri      string
		failures []int
		want     int
	}{
		{"/repeat", []int{503, 503}, 200},
		{"/repeat", []int{503, 503, 503}, 503},
		{"/repeat", []int{500}, 500},
		{"/other", []int{503}, 503},
	} {
		s.backends["v1"].be(0, test.failures...)
		got, err := call(s.patient(), "POST", test.uri, "the text")
		if err != nil || got.Status != test.want {
			s.Errorf("%v: got %d and %v, want %d", test, got.Status, err, test.want)
		}
		if got.Status == 200 && !strings.HasSuffix(got.Body, "with the text, added once") {
			s.Errorf("got %q, want the body again, and the header once", got.Body)
		}
	}
}

func copies(s *scene) {
	call := s.caller("{mirror: {host: echo, subset: v2}, " + meshtest.To("echo", "v1") + "}")
	if got, err := call(s.patient(), "POST", "/mirrored?x=1", "the text"); err != nil || !strings.HasPrefix(got.Body, "v1") {
		s.Fatal(got, err)
	}
	meshtest.Eventually(s.T, func() error {
		if !s.backends["v2"].saw("POST /mirrored?x=1 at echo:8080 with the text") {
			return fmt.Errorf("v2 saw %q, want a copy", s.backends["v2"].seen)
		}
		return nil
	})
}

// policy is a DestinationRule of echo.
func policy(text string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: policy, namespace: demo}\nspec: {host: echo, trafficPolicy: {" + text + "}}"
}

// hashes has calls of one user stay together.
func hashes(s *scene) {
	s.plane = meshtest.Start(s.T, meshtest.Service("echo", "http", s.endpoints...), policy("loadBalancer: {consistentHash: {httpHeaderName: x-user}}"))
	call := s.Dial(s.T, s.mesh(), "echo:8080")
	seen := map[string]bool{}
	for user := range 32 {
		header := fmt.Sprintf("x-user=user-%d", user)
		version := s.want(call, "/", 200, ":", header).Body[:2]
		for range 5 {
			s.want(call, "/", 200, version+":", header)
		}
		seen[version] = true
	}
	if len(seen) != 2 {
		s.Errorf("got %v, want the users at both servers", seen)
	}
}

// ejections has a server that fails left out.
func ejections(s *scene) {
	s.plane = meshtest.Start(s.T, meshtest.Service("echo", "http", s.endpoints...), policy("outlierDetection: {consecutive5xxErrors: 3, baseEjectionTime: 300s, maxEjectionPercent: 100}"))
	call := s.Dial(s.T, s.mesh(), "echo:8080")
	s.backends["v2"].be(0, slices.Repeat([]int{500}, 1000)...)
	failed := 0
	for range 60 {
		if got, err := call(s.patient(), "GET", "/", ""); err != nil || got.Status == 500 {
			failed++
		}
	}
	if failed != 3 {
		s.Errorf("got %d calls that failed, want the three that eject the server", failed)
	}
}
