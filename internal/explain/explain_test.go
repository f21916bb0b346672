package explain

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

const objects = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.0.1], zone: z1, targetRef: {kind: Pod, name: a, namespace: demo}}
- {addresses: [10.0.0.2], zone: z2, targetRef: {kind: Pod, name: b, namespace: demo}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: demo, labels: {version: v1}}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: demo, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: demo}
spec:
  host: echo
  trafficPolicy:
    connectionPool: {http: {http2MaxRequests: 7}}
    outlierDetection: {consecutive5xxErrors: 8}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec:
  hosts: [echo]
  http:
  - name: insiders
    match: [{sourceNamespace: ops}, {sourceLabels: {app: shop, tier: front}}]
    route: [{destination: {host: echo}}]
  - name: ann
    match: [{uri: {prefix: /echo.Echo/}, headers: {x-user: {exact: ann}}}]
    timeout: 2s
    route: [{destination: {host: echo, subset: v1}, weight: 75}, {destination: {host: echo, subset: v2}, weight: 25}]
  - match: [{headers: {x-user: {exact: "bob,eve"}}}]
    route: [{destination: {host: echo, subset: v1}, weight: 80}, {destination: {host: echo}, weight: 15}, {destination: {host: echo, subset: v9}, weight: 5}]
  - match: [{uri: {exact: /echo.Echo/Moved}}]
    redirect: {authority: example.com}
  - match: [{uri: {exact: /echo.Echo/Gone}}]
    route: [{destination: {host: echo, subset: v9}}]
  - match: [{uri: {exact: /echo.Echo/Closed}}]
    directResponse: {status: 403}
  - match: [{uri: {regex: "/echo\\.Echo/S.*"}, withoutHeaders: {x-user: {}}}]
    fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 10}}}
    route: [{destination: {host: echo, subset: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: demo}
spec: {hosts: ['*.example.com'], http: [{route: [{destination: {host: echo, subset: v1}}]}]}
`

func world(t *testing.T, objects string) *snapshot.Snapshot {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("objects.yaml", []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := files.Load(watch.Options{}, "objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.New(w)
}

// TestExplainServicelessHost follows a call to a host without a Service.
func TestExplainServicelessHost(t *testing.T) {
	a, err := Explain(world(t, objects), Question{To: "api.example.com:7070", Call: "/echo.Echo/Say", Client: mesh.Client{Namespace: "demo"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Routes) != 1 || !a.Routes[0].Taken || len(a.Clusters) != 1 || a.Clusters[0].Name != "outbound|80|v1|echo.demo.svc.cluster.local" {
		t.Errorf("got %+v, want the route of the VirtualService to echo", a)
	}
}

func TestExplain(t *testing.T) {
	tests := map[string]struct {
		to, call string
		headers  map[string]string
		want     []string // lines of the text, in this order
	}{
		"a split": {
			"echo", "/echo.Echo/Say", map[string]string{"x-user": "ann"}, []string{
				"listener  echo  from Service demo/echo",
				"routes    outbound|80||echo.demo.svc.cluster.local  from VirtualService demo/echo, Service demo/echo\n" +
					"  left out \"insiders\": it is for clients in the namespace ops\n" +
					"         from VirtualService demo/echo spec.http[0].match[0] (objects.yaml:41)\n" +
					"  left out \"insiders\": it is for clients with the labels app=shop,tier=front\n" +
					"         from VirtualService demo/echo spec.http[0].match[1] (objects.yaml:41)\n",
				`  YES 0 "ann"  methods that begin with /echo.Echo/, header x-user is "ann": all conditions match`,
				"         from VirtualService demo/echo spec.http[1].match[0] (objects.yaml:44)\n",
				"         timeout 2s",
				"cluster   outbound|80|v1|echo.demo.svc.cluster.local  75 %  from DestinationRule demo/echo, Service demo/echo",
				"  from DestinationRule demo/echo spec.subsets[0] (objects.yaml:32)\n",
				"  balanced by round_robin\n  at most 7 calls in flight from each client\n",
				"    from DestinationRule demo/echo spec.trafficPolicy.connectionPool (objects.yaml:30)\n",
				"  outliers are ejected every 10s, for 30s the first time, then longer, up to 5m0s; at most 10 % of the endpoints at the same time\n",
				"    from DestinationRule demo/echo spec.trafficPolicy.outlierDetection (objects.yaml:31)\n",
				"  an outlier failed more than 85 % of its calls; counted for endpoints with at least 8 calls, if at least 2 endpoints have so many\n",
				"  not encrypted\n  endpoints  from DestinationRule demo/echo, Service demo/echo\n",
				"  priority 0  /z1  weight 1  10.0.0.1:50051",
				"cluster   outbound|80|v2|echo.demo.svc.cluster.local  25 %",
				"  priority 0",
				"    from DestinationRule demo/echo spec.subsets[1].trafficPolicy.loadBalancer (objects.yaml:32)\n",
				"outcome   the call goes to one of 2 endpoints, by the weights of 2 clusters",
			},
		},
		"another route": {
			"echo.demo:grpc", "/echo.Echo/Say", nil, []string{
				`  no  0 "ann"  methods that begin with /echo.Echo/, header x-user is "ann": no match: header x-user is "ann"; the call does not have it`,
				"  no  3  method /echo.Echo/Gone: the method is another one",
				`  YES 5  methods like /echo\.Echo/S.*, not: header x-user is present: all conditions match`,
				"         10 % of the calls end with gRPC status 14",
				"outcome   the call goes to the only endpoint",
			},
		},
		"a subset that is not there": {
			"echo", "/echo.Echo/Gone", nil, []string{
				"cluster   outbound|80|v9|echo.demo.svc.cluster.local  100 %", "  no endpoints", "outcome   the call fails: the clusters of the matched route have no endpoints",
			},
		},
		"a response of the route's own": {
			"echo", "/echo.Echo/Closed", nil, []string{"         100 % of the calls end with PERMISSION_DENIED (HTTP status 403)", "outcome   the route itself ends the call, with PERMISSION_DENIED (HTTP status 403)"},
		},
		"a part of the calls fails": {
			"echo", "/other.Other/Say", map[string]string{"x-user": "bob,eve"}, []string{
				"cluster   outbound|80|v9|echo.demo.svc.cluster.local  5 %",
				"outcome   the call goes to one of 2 endpoints, by the weights of 3 clusters; 5 % of such calls fail because their cluster has no endpoints",
			},
		},
		"an action that no client has": {
			"echo", "/echo.Echo/Moved", nil, []string{"cluster   refused  100 %\n", "  not encrypted\n  no endpoints\n", "outcome   the call fails: the matched route refuses it"},
		},
		"no route":          {"echo", "/other.Other/Say", nil, []string{"outcome   the call fails immediately: no route matches"}},
		"no such host":      {"nobody:80", "/a.A/B", nil, []string{`outcome   the call fails immediately: for a client in namespace demo, "nobody:80" is not a port`}},
		"a similar host":    {"ehco", "/a.A/B", nil, []string{`"ehco" is not a port of a visible Service or a host of a VirtualService; did you mean echo?`}},
		"no such port":      {"echo:81", "/a.A/B", nil, []string{"; Service demo/echo has port 80 (grpc): dial echo:80\n"}},
		"another namespace": {"echo.dem", "/a.A/B", nil, []string{"; Service demo/echo has the name: dial echo\n"}},
	}
	s := world(t, objects)
	server := httptest.NewServer(Handler(func() *snapshot.Snapshot { return s }, nil, nil))
	defer server.Close()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := Question{To: test.to, Call: test.call, Headers: test.headers, Client: mesh.Client{Namespace: "demo"}}
			answer, err := Explain(s, q)
			if err != nil {
				t.Fatal(err)
			}
			rest := answer.Text()
			for _, line := range test.want {
				_, after, ok := strings.Cut(rest, line)
				if !ok {
					t.Fatalf("got\n%s\nwant, in this order, %q", answer.Text(), line)
				}
				rest = after
			}
			if diff := cmp.Diff(answer, asked(t, server.URL, q)); diff != "" {
				t.Errorf("over HTTP (-here +there):\n%s", diff)
			}
		})
	}
}

// asked sends the question to a server.
func asked(t *testing.T, url string, q Question) *Answer {
	t.Helper()
	resp, err := http.Get(url + Path + "?" + q.Query())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := &Answer{}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestOldHeaderForms follows a call of a client that is sent the deprecated forms of header matches.
// TestUnknownNameOfOldNode: a client that gets no routes within a Listener is told the same.
func TestUnknownNameOfOldNode(t *testing.T) {
	client := snapshot.WithUserAgent(mesh.Client{Namespace: "demo"}, mesh.GRPCNode, "1.10.1")
	answer, err := Explain(world(t, objects), Question{To: "ehco", Call: "/a.A/B", Client: client})
	if err != nil {
		t.Fatal(err)
	}
	if want := []snapshot.Near{{Dial: "echo", Text: "did you mean echo?"}}; !slices.Equal(answer.Near, want) || !answer.Fails {
		t.Errorf("got %+v, want a call that fails, and %v", answer, want)
	}
}

func TestOldHeaderForms(t *testing.T) {
	s := world(t, objects)
	for user, want := range map[string]int{"ann": 0, "bob": -1} {
		a, err := Explain(s, Question{
			To: "echo", Call: "/echo.Echo/Say", Headers: map[string]string{"x-user": user},
			Client: mesh.Client{Namespace: "demo", Missing: mesh.FeatureStringMatch},
		})
		if err != nil {
			t.Fatal(err)
		}
		taken := slices.IndexFunc(a.Routes, func(r Route) bool { return r.Taken })
		if taken >= 0 {
			taken = a.Routes[taken].Index
		}
		if taken != want {
			t.Errorf("%s: took route %d, want %d:\n%s", user, taken, want, a.Text())
		}
		if !strings.Contains(a.Text(), `header x-user is "ann"`) {
			t.Errorf("got no condition in words:\n%s", a.Text())
		}
	}
}

// TestContentType follows calls of different clients: all except gRPC for Go include the content-type in route
// matching.
func TestContentType(t *testing.T) {
	s := world(t, `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec: {hosts: [echo], http: [{match: [{headers: {content-type: {exact: application/grpc}}}], directResponse: {status: 403}}]}
`)
	for agent, want := range map[mesh.ClientKind]string{mesh.GRPCJava: "route itself ends the call", mesh.GRPCGo: "no route matches"} {
		client := snapshot.WithUserAgent(mesh.Client{Namespace: "demo"}, agent, "1.85.0")
		a, err := Explain(s, Question{To: "echo", Call: "/echo.Echo/Say", Client: client})
		if err != nil || !strings.Contains(a.Outcome, want) {
			t.Errorf("%s: got %+v and %v, want %q", agent, a, err, want)
		}
	}
}

func TestHandlerBeforeTheFirstWorld(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(func() *snapshot.Snapshot { return nil }, nil, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path, http.NoBody))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
}
