package explain

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// casesFile is written for the Java agent's test ExplainTest, which compares its own decisions.
var casesFile = flag.String("cases", "", "file to write the cases of TestHTTPCases to")

// httpCase is a call and what Explain says about it.
type httpCase struct {
	Method    string            `json:"method"`
	Scheme    string            `json:"scheme"`
	Authority string            `json:"authority"`
	Path      string            `json:"path"`
	Query     string            `json:"query"`
	Headers   map[string]string `json:"headers"`
	Want      []string          `json:"want"`
}

// httpWorld is the route table of random rules, as a RouteConfiguration's bytes, and calls by it.
type httpWorld struct {
	Rules string     `json:"rules"`
	Table []byte     `json:"table"`
	Cases []httpCase `json:"cases"`
}

const caseServices = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: two, namespace: demo}
spec: {selector: {app: two}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: demo, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, namespace: demo, name: web-1}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: two-1, namespace: demo, labels: {kubernetes.io/service-name: two}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.2]}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: demo, labels: {app: web, version: v1}}
spec: {containers: [{name: a, image: a}]}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: demo}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}, {destination: {host: two}}]}]}
`

// with is a World with the rules in place of the VirtualService's, of which they have the destinations.
func with(w *mesh.World, spec *networking.VirtualService) *mesh.World {
	const host = "web.demo.svc.cluster.local"
	was, _ := w.VirtualServices.Get(host)
	set, out := *was, *w
	set.Candidates = slices.Clone(was.Candidates)
	vs := *set.Candidates[0].VirtualService
	vs.Spec = spec
	set.Candidates[0].VirtualService = &vs
	out.VirtualServices = w.VirtualServices.With(map[string]*mesh.VirtualServiceSet{host: &set}, nil)
	return &out
}

func exactly(text string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: text}}
}

func prefixed(text string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: text}}
}

func like(text string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: text}}
}

// one reports true once in n times.
func (r *randomRules) one(n int) bool { return r.IntN(n) == 0 }

func (r *randomRules) value() *networking.StringMatch {
	return pick(r, exactly("1"), exactly("ab"), prefixed("a"), prefixed("1"), like("[a-c]+"), like(".*2"), like("1|a."), &networking.StringMatch{})
}

func (r *randomRules) httpMatch() *networking.HTTPMatchRequest {
	m := &networking.HTTPMatchRequest{}
	if !r.one(5) {
		m.Uri = pick(r, exactly("/a/b"), exactly("/"), exactly("/A"), prefixed("/a"), prefixed("/a/"), prefixed("/"), prefixed("/x/"),
			like("/a/.*"), like(`/x/\d+/[^/]+`), like("/(a|x)"), like("(?i)/A.*"), like(`/\w+`))
		m.IgnoreUriCase = r.one(3)
	}
	if r.one(4) {
		m.Method = pick(r, exactly("GET"), exactly("POST"), like("P.*"))
	}
	if r.one(8) {
		m.Scheme = pick(r, exactly("https"), prefixed("http"))
	}
	if r.one(6) {
		m.Authority = pick(r, exactly("web"), exactly("WEB"), prefixed("web."), like("web(:80)?"))
	}
	if r.one(3) {
		m.Headers = map[string]*networking.StringMatch{pick(r, "x", "X-Upper", "cookie", "user-agent"): r.value()}
	}
	if r.one(5) {
		m.WithoutHeaders = map[string]*networking.StringMatch{pick(r, "x", "y"): r.value()}
	}
	if r.one(4) {
		m.QueryParams = map[string]*networking.StringMatch{pick(r, "v", "w"): r.value()}
	}
	return m
}

func (r *randomRules) headers() *networking.Headers {
	operations := func() *networking.Headers_HeaderOperations {
		o := &networking.Headers_HeaderOperations{}
		if r.one(2) {
			o.Set = map[string]string{pick(r, "x", "x-set", "Host", "user-agent"): pick(r, "1", "50%", "%REQ(X)%/%REQ(:path)%", "%REQ(y)%", "a b")}
		}
		if r.one(2) {
			o.Add = map[string]string{pick(r, "x-add", "x"): pick(r, "2", "%", "%%")}
		}
		if r.one(2) {
			o.Remove = []string{pick(r, "x", "cookie")}
		}
		return o
	}
	h := &networking.Headers{}
	if r.one(2) {
		h.Request = operations()
	}
	if r.one(2) {
		h.Response = operations()
	}
	return h
}

func (r *randomRules) httpRetry() *networking.HTTPRetry {
	retry := &networking.HTTPRetry{
		Attempts: int32(r.IntN(4)), RetryOn: pick(r, "", "5xx", "gateway-error,503,404", "reset,connect-failure,unavailable"),
		PerTryTimeout: pick(r, nil, durationpb.New(2e9), durationpb.New(15e7)), Backoff: pick(r, nil, durationpb.New(1e7)),
	}
	if r.one(3) {
		retry.RetryIgnorePreviousHosts = wrapperspb.Bool(r.one(2))
	}
	return retry
}

func (r *randomRules) httpFault() *networking.HTTPFaultInjection {
	share := func() *networking.Percent { return &networking.Percent{Value: pick[float64](r, 0, 100)} }
	f := &networking.HTTPFaultInjection{}
	if r.one(2) {
		f.Abort = &networking.HTTPFaultInjection_Abort{ErrorType: &networking.HTTPFaultInjection_Abort_HttpStatus{HttpStatus: 503}, Percentage: share()}
	} else {
		f.Delay = &networking.HTTPFaultInjection_Delay{HttpDelayType: &networking.HTTPFaultInjection_Delay_FixedDelay{FixedDelay: durationpb.New(3e9)}, Percentage: share()}
	}
	return f
}

func (r *randomRules) redirect() *networking.HTTPRedirect {
	d := &networking.HTTPRedirect{Authority: pick(r, "", "", "other.example"), Scheme: pick(r, "", "https", "http"), RedirectCode: pick[uint32](r, 0, 302, 303, 307, 308)}
	switch r.IntN(4) {
	case 0:
		d.Uri = pick(r, "/new", "/new?a=b", "/n%C3%A9w")
	case 1:
		d.RedirectPort = &networking.HTTPRedirect_Port{Port: 8443}
	case 2:
		d.RedirectPort = &networking.HTTPRedirect_DerivePort{DerivePort: networking.HTTPRedirect_FROM_REQUEST_PORT}
	}
	if d.GetUri() == "" && d.GetAuthority() == "" && d.GetScheme() == "" && d.GetPort() == 0 {
		d.Uri = "/new" // It would lead to where it comes from.
	}
	return d
}

func (r *randomRules) rewrite() *networking.HTTPRewrite {
	w := &networking.HTTPRewrite{Authority: pick(r, "", "", "api.example")}
	switch r.IntN(4) {
	case 0, 1:
		w.Uri = pick(r, "/new", "/", "/n/")
	case 2:
		w.UriRegexRewrite = &networking.RegexRewrite{Match: pick(r, `^/([^/]+)/(.*)$`, `[a-b]`, `^/\w`), Rewrite: pick(r, `/z\0`, "/z", `/\0\0`)}
		if w.GetUriRegexRewrite().GetMatch()[1] == '/' && r.one(2) {
			w.UriRegexRewrite.Rewrite = `/\0`
		}
	}
	return w
}

func (r *randomRules) httpRule() *networking.HTTPRoute {
	rule := &networking.HTTPRoute{}
	for range 1 + r.IntN(3) {
		rule.Match = append(rule.Match, r.httpMatch())
	}
	if r.one(3) {
		rule.Headers = r.headers()
	}
	if r.one(6) {
		rule.Fault = r.httpFault()
	}
	switch r.IntN(6) {
	case 0:
		rule.Redirect = r.redirect()
		return rule
	case 1:
		rule.DirectResponse = &networking.HTTPDirectResponse{Status: pick[uint32](r, 200, 418, 503), Body: &networking.HTTPBody{
			Specifier: &networking.HTTPBody_String_{String_: pick(r, "", "short", "größer")},
		}}
		return rule
	}
	destinations := []*networking.Destination{{Host: "web"}, {Host: "two"}, {Host: "web", Subset: "v1"}}
	r.Shuffle(len(destinations), func(i, j int) { destinations[i], destinations[j] = destinations[j], destinations[i] })
	count := pick(r, 1, 1, 2, 3)
	for _, to := range destinations[:count] {
		d := &networking.HTTPRouteDestination{Destination: to}
		if count > 1 {
			d.Weight = int32(20 + r.IntN(3)*10)
		}
		if r.one(4) {
			d.Headers = r.headers()
		}
		rule.Route = append(rule.Route, d)
	}
	if r.one(3) {
		rule.Rewrite = r.rewrite()
	}
	rule.Timeout = pick(r, nil, durationpb.New(1_500_000_000), durationpb.New(2e9), durationpb.New(25e7))
	if r.one(3) {
		rule.Retries = r.httpRetry()
	}
	if r.one(6) {
		rule.Mirror, rule.MirrorPercentage = &networking.Destination{Host: "two"}, pick(r, nil, &networking.Percent{Value: 12.5}, &networking.Percent{Value: 100})
	}
	return rule
}

// call makes a random call. Its parts are those that the rules compare.
func (r *randomRules) call() (Question, httpCase) {
	c := httpCase{
		Method: pick(r, "GET", "GET", "POST", "PUT"), Scheme: pick(r, "http", "http", "https"), Authority: pick(r, "web", "web:80", "WEB", "web.demo", "web.demo:80"),
		Path:  pick(r, "/", "/a", "/A", "/a/b", "/A/B", "/a/b/c", "/ab", "/x/1/y", "/x/1/", "/x", "/page", "/%C3%A9"),
		Query: pick(r, "", "", "v=1", "v=ab&w=2", "v=a&v=1", "v", "vv=1", "w=a%20b", "=", "a&w="), Headers: map[string]string{},
	}
	for _, name := range []string{"x", "x-upper", "y", "cookie", "user-agent"} {
		if r.one(2) {
			c.Headers[name] = pick(r, "1", "12", "ab", "abc", "b,1", "AB", "")
		}
	}
	q := Question{
		To: c.Authority, Method: c.Method, Scheme: c.Scheme, Call: c.Path, RawQuery: c.Query, Headers: c.Headers,
		Client: mesh.Client{Namespace: "demo", Kind: mesh.JavaAgent, Version: "1.0"},
	}
	return q, c
}

// decision is what the client does, of an answer: the route that it takes, with its settings, and what an endpoint or the
// application gets.
func (a *Answer) decision() []string {
	i := len(a.Routes) - 1
	if i < 0 || !a.Routes[i].Taken {
		return []string{"no route"}
	}
	all := []string{fmt.Sprintf("route %d: %s", a.Routes[i].Index, strings.Join(a.Routes[i].Settings, "; "))}
	if a.Status != 0 {
		return append(all, fmt.Sprintf("status %d location %s body %s", a.Status, a.Location, a.Body))
	}
	for _, c := range a.Clusters {
		host, request, response := a.Sends.Host, []string{}, []string{}
		for _, s := range c.Settings {
			if edit, ok := strings.CutPrefix(s.Text, "in the request: "); ok {
				if own, is := strings.CutPrefix(edit, "set host: "); is {
					host = own
				} else {
					request = append(request, edit)
				}
			}
			if edit, ok := strings.CutPrefix(s.Text, "in the response: "); ok {
				response = append(response, edit)
			}
		}
		request = append(request, a.Sends.Headers...)
		for _, s := range a.Routes[i].Settings {
			if edit, ok := strings.CutPrefix(s, "in the response: "); ok {
				response = append(response, edit)
			}
		}
		all = append(all, fmt.Sprintf("%s weight %d gets %s %s host %s request %s response %s", c.Name, c.Weight, a.Sends.Method, a.Sends.Path, host,
			strings.Join(request, "; "), strings.Join(response, "; ")))
	}
	for _, m := range a.Mirrors {
		all = append(all, fmt.Sprintf("copy of %s to %s", m.Share, m.Cluster))
	}
	return all
}

// tableOf returns the bytes of the route table that a call uses.
func tableOf(t *testing.T, s *snapshot.Snapshot, q Question) []byte {
	t.Helper()
	var listener listenerv3.Listener
	var manager hcmv3.HttpConnectionManager
	if err := s.Resource(snapshot.ListenerType, q.dialed(), q.Client).Any().UnmarshalTo(&listener); err != nil {
		t.Fatal(err)
	}
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	return s.Resource(snapshot.RouteType, manager.GetRds().GetRouteConfigName(), q.Client).Any().GetValue()
}

// TestHTTPCases explains random calls by random rules. The Java agent's test ExplainTest makes the same calls by the same
// resources and must decide the same.
func TestHTTPCases(t *testing.T) {
	const worlds, calls = 200, 25
	var all []httpWorld
	base := world(t, caseServices).World()
	kinds := map[string]int{"no route": 0, "route": 0, "status": 0, "outbound|": 0, "copy": 0}
	for seed := range uint64(worlds) {
		r := &randomRules{Rand: rand.New(rand.NewPCG(seed, 2))}
		spec := &networking.VirtualService{Hosts: []string{"web"}}
		for range 2 + r.IntN(6) {
			spec.Http = append(spec.Http, r.httpRule())
		}
		rules, err := protojson.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		s, w, tables := snapshot.New(with(base, spec)), httpWorld{Rules: string(rules)}, map[string]bool{}
		for range calls {
			q, c := r.call()
			a, err := Explain(s, q)
			if err != nil {
				t.Fatal(err)
			}
			c.Want = a.decision()
			for kind := range kinds {
				if slices.ContainsFunc(c.Want, func(line string) bool { return strings.HasPrefix(line, kind) }) {
					kinds[kind]++
				}
			}
			if !tables[q.To] {
				tables[q.To] = true
				if table := tableOf(t, s, q); w.Table == nil {
					w.Table = table
				} else if string(table) != string(w.Table) {
					t.Fatalf("seed %d: %s has another table than the call before", seed, q.To)
				}
			}
			w.Cases = append(w.Cases, c)
		}
		all = append(all, w)
	}
	for kind, n := range kinds {
		if n < 100 {
			t.Errorf("only %d decisions %q in %d calls, want 100: the rules are not random enough", n, kind, worlds*calls)
		}
	}
	t.Log(strconv.Itoa(worlds*calls)+" calls:", kinds)
	if *casesFile == "" {
		return
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*casesFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
