package view_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/view"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

const objects = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.96.0.7, ports: [{name: grpc, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: stock, namespace: shop}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: bank}
spec: {internalTrafficPolicy: Local, ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pay-1, namespace: bank, labels: {kubernetes.io/service-name: pay}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.1.1], nodeName: node-a}
- {addresses: [10.0.1.2], nodeName: node-b}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.0.1], zone: z1, nodeName: node-a, targetRef: {kind: Pod, name: cart-v1-5f6d-aaaaa, namespace: shop}}
- {addresses: [10.0.0.2], zone: z2, targetRef: {kind: Pod, name: cart-v2, namespace: shop}}
- {addresses: [10.0.0.3], zone: z2, targetRef: {kind: Pod, name: cart-v3, namespace: shop}}
- {addresses: [10.0.0.4], conditions: {ready: false}, targetRef: {kind: Pod, name: cart-x, namespace: shop}}
- {addresses: [10.0.0.5], conditions: {ready: false, serving: true, terminating: true}, targetRef: {kind: Pod, name: cart-y, namespace: shop}}
- {addresses: [10.0.0.6], targetRef: {kind: Pod, name: cart-closed, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-v1-5f6d-aaaaa, namespace: shop, labels: {version: v1, pod-template-hash: 5f6d}}
spec: {serviceAccountName: cart}
status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-v2, namespace: shop, labels: {version: v2}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-v3, namespace: shop, labels: {version: v3}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-x, namespace: shop, labels: {version: v1}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-y, namespace: shop, labels: {version: v1}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-closed, namespace: shop, labels: {version: v1, app: closed}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: closed, namespace: shop}
spec: {selector: {matchLabels: {app: closed}}, mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop}
spec:
  action: ALLOW
  rules: [{from: [{source: {serviceAccounts: [shop/web]}}], to: [{operation: {paths: [/cart.Cart/Add]}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http:
  - name: split
    mirror: {host: stock}
    route: [{destination: {host: cart, subset: v1}, weight: 100}, {destination: {host: cart, subset: v2}, weight: 0}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec:
  hosts: [api.example.com]
  http: [{route: [{destination: {host: cart}}]}]
`

const cart = "cart.shop.svc.cluster.local"

type fixture struct {
	store *serving.Store
	edges []load.Edge
	views *view.Views
	mux   *http.ServeMux
}

func publish(t testing.TB, store *serving.Store, objects string, revision uint64) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("objects.yaml", []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	world, err := files.Load(watch.Options{Pods: true}, "objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	world.Revision = revision
	store.Publish(world)
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{store: serving.NewStore(serving.Options{}), mux: http.NewServeMux()}
	f.views = view.New(view.Options{Store: f.store, Edges: func() []load.Edge { return slices.Clone(f.edges) }, About: view.About{Version: "v1", Replica: "one", Source: "a folder", LoadReportInterval: 10}})
	for path, handler := range f.views.Handlers() {
		f.mux.Handle("GET "+path, handler)
	}
	return f
}

// get reads a path into a value, and fails for another status.
func (f *fixture) get(t testing.TB, path string, want int, into any) string {
	t.Helper()
	answer := httptest.NewRecorder()
	f.mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if answer.Code != want || answer.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: got %d %s %q, want %d", path, answer.Code, answer.Header().Get("Content-Type"), answer.Body, want)
	}
	if into != nil {
		decoder := json.NewDecoder(strings.NewReader(answer.Body.String()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("%s: %v in %s", path, err, answer.Body)
		}
	}
	return answer.Body.String()
}

// client is a connected client.
type client struct {
	*serving.Session

	nonces map[snapshot.Type]string
}

func (f *fixture) connect(node, namespace string) *client {
	return &client{f.store.Open(serving.ClientInfo{NodeID: node, Peer: "10.0.9.1:7", Client: mesh.Client{Namespace: namespace, Kind: mesh.GRPCGo, Version: "1.85.0"}}, nil), map[snapshot.Type]string{}}
}

// subscribe asks for names and takes what is sent. answer is a refusal; empty accepts.
func (c *client) subscribe(t snapshot.Type, refusal string, names ...string) {
	c.Request(&serving.Request{Type: t, Names: names, Nonce: c.nonces[t]})
	c.take(t, refusal, names...)
}

func (c *client) take(t snapshot.Type, refusal string, names ...string) {
	for response := c.Next(); response != nil; response = c.Next() {
		c.nonces[t] = response.Nonce
		request := &serving.Request{Type: t, Names: names, Nonce: response.Nonce}
		if refusal != "" {
			request.Refusal = &statuspb.Status{Message: refusal}
		}
		c.Request(request)
	}
}

func TestNotReady(t *testing.T) {
	f := start(t)
	for _, path := range []string{"/api/hosts", "/api/hosts/x", "/api/streams", "/api/streams/x"} {
		if body := f.get(t, path, http.StatusServiceUnavailable, nil); !strings.Contains(body, "not completely read yet") {
			t.Errorf("%s: got %s", path, body)
		}
	}
	if body := f.get(t, "/api/about", http.StatusOK, nil); !strings.Contains(body, `"ready":false`) {
		t.Errorf("about: got %s", body)
	}
	publish(t, f.store, objects, 7)
	if body := f.get(t, "/api/about", http.StatusOK, nil); !strings.Contains(body, `"ready":true,"revision":7`) || !strings.Contains(body, `"source":"a folder"`) {
		t.Errorf("about: got %s", body)
	}
}

func TestHosts(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	web := f.connect("web", "shop")
	defer web.Close()
	web.subscribe(snapshot.ListenerType, "", "cart:80")
	other := f.connect("other", "bank")
	defer other.Close()
	other.subscribe(snapshot.ClusterType, "", "outbound|80|v1|"+cart, "outbound|80||stock.shop.svc.cluster.local")
	for query, want := range map[string][]string{
		"":                          {"pay", "api.example.com", "cart 2", "stock 1"},
		"?namespace=bank":           {"pay"},
		"?q=CAR":                    {"cart 2"},
		"?q=shop/st":                {"stock 1"},
		"?kind=VirtualService":      {"api.example.com"},
		"?limit=1&offset=2":         {"cart 2"},
		"?limit=0":                  {},
		"?offset=99":                {},
		"?problems=warning":         {"cart 2"},
		"?problems=any&q=stock":     {},
		"?limit=99999999&q=example": {"api.example.com"},
	} {
		var list view.HostList
		f.get(t, "/api/hosts"+query, http.StatusOK, &list)
		got := []string{}
		for _, row := range list.Hosts {
			text := strings.TrimSuffix(strings.TrimSuffix(row.Host, ".svc.cluster.local"), "."+row.Namespace)
			if row.Clients > 0 {
				text += fmt.Sprint(" ", row.Clients)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" || list.Total != 4 || !slices.Equal(list.Namespaces, []string{"bank", "shop"}) {
			t.Errorf("%s (-want +got), of %d in %v:\n%s", query, list.Total, list.Namespaces, diff)
		}
	}
	var list view.HostList
	f.get(t, "/api/hosts?q=cart", http.StatusOK, &list)
	if got, want := list.Hosts[0].Endpoints, (view.EndpointCounts{Ready: 4, Draining: 1, NotReady: 1, Total: 6}); got != want || list.Matched != 1 {
		t.Errorf("cart: got the endpoints %+v, want %+v", got, want)
	}
	if row := list.Hosts[0]; !slices.Equal(row.Workloads, []string{"shop/cart-v1"}) || row.Security != "mixed" {
		t.Errorf("cart: got the workloads %q and the security %q", row.Workloads, row.Security)
	}
	f.get(t, "/api/hosts?q=pay", http.StatusOK, &list)
	if row := list.Hosts[0]; row.Security != "plaintext" {
		t.Errorf("pay: got the security %q", row.Security)
	}
	for _, query := range []string{"?limit=-1", "?limit=x", "?offset=99999999999", "?problems=bad"} {
		f.get(t, "/api/hosts"+query, http.StatusBadRequest, nil)
	}
}

// TestEndpoints: each endpoint says whether it is called, and why not.
func TestEndpoints(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	why := func(path string) map[string]string {
		var host view.HostView
		f.get(t, path, http.StatusOK, &host)
		got := map[string]string{}
		for _, e := range host.Endpoints.Items {
			got[e.Address] = fmt.Sprint(e.Used, " ", strings.Join(e.Why, "; "))
		}
		return got
	}
	want := map[string]string{
		"10.0.0.1": "true ",
		"10.0.0.2": "false no route of this client leads to the subsets that select it (v2), or they have the weight 0",
		"10.0.0.3": "false no route of this client leads to the subsets that select it (v3), or they have the weight 0",
		"10.0.0.4": "false not ready, by its EndpointSlice: a readiness probe fails, or has not succeeded yet",
		"10.0.0.5": "false terminating: it is called only while no endpoint is ready",
		"10.0.0.6": "false closed: PeerAuthentication STRICT applies, and the pod has no certificate, or its server is not configured by xDS",
	}
	if diff := cmp.Diff(want, why("/api/hosts/"+cart)); diff != "" {
		t.Errorf("cart (-want +got):\n%s", diff)
	}
	want = map[string]string{
		"10.0.1.1": "true ", "10.0.1.2": `false internalTrafficPolicy: Local: it is on node "node-b", and the client is on "node-a"`,
	}
	if diff := cmp.Diff(want, why("/api/hosts/pay.bank.svc.cluster.local?node=node-a")); diff != "" {
		t.Errorf("pay, from node-a (-want +got):\n%s", diff)
	}
	if got := why("/api/hosts/pay.bank.svc.cluster.local")["10.0.1.1"]; !strings.Contains(got, "the node of the client is not given") {
		t.Errorf("pay, from an unknown node: got %q", got)
	}
}

func TestHost(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 3)
	f.edges = []load.Edge{
		{Source: load.Source{Namespace: "shop", Workload: "web"}, Destination: load.Destination{Service: "cart", Namespace: "shop", Port: 80}, Calls: 5, Reported: time.Unix(1, 0).UTC()},
		{Source: load.Source{Namespace: "shop", Workload: "web"}, Destination: load.Destination{Service: "cart", Namespace: "other", Port: 80}},
	}
	good, bad := f.connect("good", "shop"), f.connect("bad", "shop")
	defer good.Close()
	defer bad.Close()
	good.subscribe(snapshot.ListenerType, "", "cart:80")
	bad.subscribe(snapshot.ClusterType, "", "outbound|80|v1|"+cart)
	bad.subscribe(snapshot.ListenerType, "", "cart:80")
	bad.subscribe(snapshot.RouteType, "no, thanks", "outbound|80||"+cart)

	var host view.HostView
	f.get(t, "/api/hosts/"+cart, http.StatusOK, &host)
	if host.Revision != 3 || host.Object != (mesh.Ref{Kind: "Service", Namespace: "shop", Name: "cart"}) || !slices.Equal(host.Addresses, []string{"10.96.0.7"}) {
		t.Errorf("got %d %v %v", host.Revision, host.Object, host.Addresses)
	}
	refs := fmt.Sprint(host.Objects)
	if refs != "[DestinationRule shop/cart Service shop/cart VirtualService shop/cart]" {
		t.Errorf("got the objects %s", refs)
	}
	if len(host.Routes) != 1 || len(host.Routes[0].Rules) != 2 || !host.Routes[0].Rules[1].Never || host.Routes[0].Rules[0].From[0].Source == "" {
		t.Fatalf("got the routes %+v", host.Routes)
	}
	clusters := []string{}
	for _, c := range host.Clusters {
		clusters = append(clusters, fmt.Sprint(c.Subset, " ", c.Port, " ", c.Count, " ", c.Error))
	}
	if diff := cmp.Diff([]string{"v1 80 1 ", "v2 80 1 "}, clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(host.Subsets[0].Name, host.Subsets[0].Endpoints); got != "v1{2 1 1 4}" {
		t.Errorf("got the subset %s", got)
	}
	first := host.Endpoints.Items[0]
	if first.Pod != "shop/cart-v1-5f6d-aaaaa" || first.Workload != "cart-v1" || first.Zone != "z1" || first.Node != "node-a" || !slices.Equal(first.Subsets, []string{"v1"}) {
		t.Errorf("got the endpoint %+v", first)
	}
	if host.Clients.Total != 2 || host.Clients.Refused != 1 || host.Clients.Items[0].Node != "bad" || host.Clients.Items[0].State != view.Refused || host.Clients.Items[1].State != view.Current {
		t.Errorf("got the clients %+v", host.Clients)
	}
	fields := []string{}
	for _, p := range host.Problems {
		fields = append(fields, fmt.Sprint(p.Code, " ", p.Field, " ", p.Source != ""))
	}
	if !slices.ContainsFunc(fields, func(text string) bool { return strings.HasSuffix(text, "spec.http[0].mirror true") }) || !slices.ContainsFunc(fields, func(text string) bool { return strings.HasPrefix(text, "Refused ") }) {
		t.Errorf("got the Problems %q, want those of mirror and of the refusal", fields)
	}
	if !host.Access.Restricted || fmt.Sprint(host.Access.Policies) != "[AuthorizationPolicy shop/cart PeerAuthentication shop/closed]" || !slices.Equal(host.Access.Methods, []string{"/cart.Cart/Add", "*"}) || len(host.Access.Entries) == 0 {
		t.Errorf("got the access %+v", host.Access)
	}
	if diff := cmp.Diff(f.edges[:1], host.Edges); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}

	var failure struct {
		Error string          `json:"error"`
		Near  []snapshot.Near `json:"near"`
	}
	f.get(t, "/api/hosts/cat.shop.svc.cluster.local", http.StatusNotFound, &failure)
	if failure.Error == "" || len(failure.Near) != 1 || failure.Near[0].Dial != "cart.shop" {
		t.Errorf("an unknown host: got %+v", failure)
	}
	for _, query := range []string{"agent=nonsense", "port=0", "port=x", "port=70000", "certificate=no"} {
		f.get(t, "/api/hosts/"+cart+"?"+query, http.StatusBadRequest, &failure)
	}
	failure.Near = nil
	f.get(t, "/api/hosts/"+strings.Repeat("a", 100_000), http.StatusNotFound, &failure)
	if len(failure.Near) > 0 {
		t.Errorf("a name that none can be: got %+v", failure.Near)
	}
	f.get(t, "/api/hosts/api.example.com?port=7070", http.StatusOK, &host)
	if len(host.Routes[0].Rules) != 1 || host.Kind != "VirtualService" || host.Routes[0].Port != 7070 {
		t.Errorf("a host of a VirtualService: got %+v", host.Routes)
	}
	f.get(t, "/api/hosts/"+cart+"?agent=mizzen-java-agent", http.StatusOK, &host)
	if host.As.Agent != "mizzen-java-agent" {
		t.Errorf("got %+v", host.As)
	}
}

// TestConditions: endpoints that only some clients call, or only if others are away.
func TestConditions(t *testing.T) {
	f := start(t)
	publish(t, f.store, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.0.1], zone: z1, targetRef: {kind: Pod, name: plain, namespace: shop}}
- {addresses: [10.0.0.2], zone: z2, targetRef: {kind: Pod, name: far, namespace: shop}}
- {addresses: [10.0.0.3], zone: z1, targetRef: {kind: Pod, name: secure, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: secure, namespace: shop, labels: {mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}
spec: {serviceAccountName: a, volumes: [{name: c, projected: {sources: [{podCertificate: {signerName: mizzen.dev/spiffe, keyType: ECDSAP256}}]}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: shop}
spec: {host: a, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}, loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}}}
`, 1)
	for query, want := range map[string][]string{
		"?zone=z1":                   {"true ", "true priority 1: it is called only while too few endpoints of a lower number are reachable", "true "},
		"?zone=z1&certificate=false": {"true ", "true priority 1: it is called only while too few endpoints of a lower number are reachable", "false it takes only mTLS, and the client has no certificate"},
		"":                           {"true ", "true ", "true "},
	} {
		var host view.HostView
		f.get(t, "/api/hosts/a.shop.svc.cluster.local"+query, http.StatusOK, &host)
		got := []string{}
		for _, e := range host.Endpoints.Items {
			got = append(got, fmt.Sprint(e.Used, " ", strings.Join(e.Why, "; ")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// TestDeclarations: of a host that several namespaces declare, a client is shown the one that it calls; and a wildcard by a name below it.
func TestDeclarations(t *testing.T) {
	f := start(t)
	entry := func(namespace, name, host, address string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: %s, namespace: %s}\n"+
			"spec: {hosts: ['%s'], location: MESH_EXTERNAL, resolution: STATIC, ports: [{number: 443, name: tcp, protocol: TCP}], endpoints: [{address: %s}]}\n---\n", name, namespace, host, address)
	}
	publish(t, f.store, entry("a", "first", "db.example.com", "10.7.0.1")+entry("b", "second", "db.example.com", "10.7.0.2")+entry("a", "any", "*.cdn.example.com", "10.7.0.3"), 1)
	for namespace, want := range map[string]string{"a": "first 10.7.0.1", "b": "second 10.7.0.2", "c": "first 10.7.0.1"} {
		var host view.HostView
		f.get(t, "/api/hosts/db.example.com?namespace="+namespace, http.StatusOK, &host)
		if got := host.Object.Name + " " + host.Endpoints.Items[0].Address; got != want || !host.Endpoints.Items[0].Used || !slices.Equal(host.Others, map[string][]string{"a": {"b"}, "b": {"a"}, "c": {"b"}}[namespace]) {
			t.Errorf("from %s: got %s, used %t, others %q; want %s", namespace, got, host.Endpoints.Items[0].Used, host.Others, want)
		}
	}
	var host view.HostView
	f.get(t, "/api/hosts/"+url.PathEscape("*.cdn.example.com"), http.StatusOK, &host)
	if host.Routes[0].Dial != "any.cdn.example.com:443" || host.Routes[0].Absent != "" || len(host.Clusters) != 1 || !host.Endpoints.Items[0].Used {
		t.Errorf("a wildcard: got %+v and %+v", host.Routes, host.Endpoints.Items)
	}
}

// TestWorldsAreFollowed: what is kept for the next request is not shown once it is no longer true.
func TestWorldsAreFollowed(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	ready := func() int {
		var list view.HostList
		f.get(t, "/api/hosts?q=cart", http.StatusOK, &list)
		var host view.HostView
		f.get(t, "/api/hosts/"+cart, http.StatusOK, &host)
		if host.Endpoints.Ready != list.Hosts[0].Endpoints.Ready {
			t.Errorf("the list has %d endpoints that are ready, and the host %d", list.Hosts[0].Endpoints.Ready, host.Endpoints.Ready)
		}
		return list.Hosts[0].Endpoints.Ready
	}
	before := ready()
	publish(t, f.store, strings.Replace(objects, "conditions: {ready: false}", "conditions: {ready: true}", 1), 2)
	if after := ready(); after != before+1 {
		t.Errorf("got %d endpoints that are ready, and %d after one more became so", before, after)
	}
}

// TestChangesAreSeen: a page that was told of a change sees it with its next request, however soon that is.
func TestChangesAreSeen(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	for i := range 20 {
		c := f.connect(fmt.Sprint("n", i), "shop")
		defer c.Close()
		c.subscribe(snapshot.ListenerType, "", "cart:80")
		var list view.ClientList
		f.get(t, "/api/streams", http.StatusOK, &list)
		var hosts view.HostList
		f.get(t, "/api/hosts?q=cart", http.StatusOK, &hosts)
		if list.Total != i+1 || hosts.Hosts[0].Clients != i+1 {
			t.Fatalf("got %d clients, and %d that follow the host, want %d", list.Total, hosts.Hosts[0].Clients, i+1)
		}
	}
}

func TestCodes(t *testing.T) {
	var all []struct {
		Code            mesh.Code `json:"code"`
		Meaning, Remedy string
	}
	start(t).get(t, "/api/codes", http.StatusOK, &all)
	if len(all) != len(mesh.Codes()) || all[0].Code == "" || all[0].Meaning == "" || all[0].Remedy == "" {
		t.Errorf("got %d codes, the first %+v", len(all), all[0])
	}
}

func TestStreams(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	names := []string{}
	for i := range 3 {
		c := f.connect(fmt.Sprint("node-", i), []string{"shop", "bank"}[i%2])
		defer c.Close()
		refusal := []string{"", "", "no"}[i]
		if i == 1 {
			c.Request(&serving.Request{Type: snapshot.RouteType, Names: []string{"outbound|80||" + cart}})
			continue
		}
		c.subscribe(snapshot.RouteType, refusal, "outbound|80||"+cart)
	}
	for query, want := range map[string]string{
		"": "node-0 current, node-1 behind, node-2 refused", "?namespace=bank": "node-1 behind", "?workload=bank/unproved": "node-1 behind", "?state=refused": "node-2 refused",
		"?q=NODE-2": "node-2 refused", "?q=go 1.85&limit=1&offset=1": "node-1 behind", "?host=stock.shop.svc.cluster.local": "", "?host=" + cart + "&state=current": "node-0 current",
	} {
		var list view.ClientList
		values, _ := url.ParseQuery(strings.TrimPrefix(query, "?"))
		f.get(t, "/api/streams?"+values.Encode(), http.StatusOK, &list)
		names = names[:0]
		for _, c := range list.Clients {
			names = append(names, c.Node+" "+string(c.State))
		}
		if got := strings.Join(names, ", "); got != want || list.Total != 3 {
			t.Errorf("%s: got %q of %d, want %q", query, got, list.Total, want)
		}
	}
	f.get(t, "/api/streams?state=x", http.StatusBadRequest, nil)
}

// TestStream: what a client has is shown beside what is current, where the two differ.
func TestStream(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects, 1)
	const hostile = `<script>alert(1)</script>`
	c := f.connect(hostile, "shop")
	defer c.Close()
	c.subscribe(snapshot.RouteType, "", "outbound|80||"+cart)
	c.subscribe(snapshot.ListenerType, "", "crat:80")
	publish(t, f.store, strings.ReplaceAll(objects, "name: split", "name: divided"), 2)
	c.take(snapshot.RouteType, hostile, "outbound|80||"+cart)
	f.edges = []load.Edge{{Source: load.Source{Namespace: "shop", Workload: "unproved", Unproved: true}}, {Source: load.Source{Namespace: "shop", Workload: "web"}}}

	var list view.ClientList
	if body := f.get(t, "/api/streams", http.StatusOK, &list); strings.Contains(body, "<") {
		t.Errorf("the list has a bracket that is not escaped: %s", body)
	}
	var got view.ClientView
	if body := f.get(t, "/api/streams/"+list.Clients[0].ID, http.StatusOK, &got); strings.Contains(body, "<") {
		t.Errorf("the client has a bracket that is not escaped: %s", body)
	}
	if got.Node != hostile || got.State != view.Refused || got.Refused != 1 || !slices.Equal(got.Unknown, []string{"crat:80"}) {
		t.Errorf("got %+v", got.ClientRow)
	}
	held := got.Held[0]
	if held.State != view.Refused || held.Reason != hostile || held.Current == held.Held || !strings.Contains(held.CurrentText, "name: divided") || !strings.Contains(held.HeldText, "name: split") || !held.Sent {
		t.Errorf("got %+v, want the route in both versions", held)
	}
	if last := got.Held[len(got.Held)-1]; last.State != view.Current || last.CurrentText != "" {
		t.Errorf("got %+v, want no text where nothing differs", last)
	}
	if len(got.Edges) != 1 || !got.Edges[0].Source.Unproved {
		t.Errorf("got the edges %+v", got.Edges)
	}
	if !slices.ContainsFunc(got.Problems, func(p mesh.Problem) bool { return p.Code == mesh.CodeRefused }) {
		t.Errorf("got the Problems %v, want that of the refusal", got.Problems)
	}
	f.get(t, "/api/streams/"+list.Clients[0].ID+"?type=Listener&name=crat:80", http.StatusOK, &got)
	if len(got.Held) != 1 || got.Held[0].CurrentText == "" {
		t.Errorf("one resource: got %+v", got.Held)
	}
	f.get(t, "/api/streams/0000", http.StatusNotFound, nil)
}

// TestProblemsOfOneClient: a client is shown the Problems that concern it, and a host those of all its clients.
func TestProblemsOfOneClient(t *testing.T) {
	f := start(t)
	publish(t, f.store, strings.Replace(objects, "  - name: split\n", "  - name: split\n    match: [{headers: {content-type: {exact: application/grpc}}}]\n", 1), 1)
	for _, kind := range []mesh.ClientKind{mesh.GRPCGo, mesh.GRPCJava} {
		info := serving.ClientInfo{NodeID: kind.String(), Client: mesh.Client{Namespace: "shop"}.WithUserAgent(kind, "1.85.0")}
		c := &client{f.store.Open(info, nil), map[snapshot.Type]string{}}
		defer c.Close()
		c.subscribe(snapshot.RouteType, "", "outbound|80||"+cart)
	}
	about := func(problems []mesh.Problem) (found bool) {
		return slices.ContainsFunc(problems, func(p mesh.Problem) bool { return strings.Contains(p.Field, "content-type") })
	}
	var host view.HostView
	f.get(t, "/api/hosts/"+cart, http.StatusOK, &host)
	if !about(host.Problems) {
		t.Errorf("got the Problems %v of the host, want one about content-type", host.Problems)
	}
	var list view.ClientList
	f.get(t, "/api/streams", http.StatusOK, &list)
	for _, row := range list.Clients {
		var got view.ClientView
		f.get(t, "/api/streams/"+row.ID, http.StatusOK, &got)
		if concerned := row.Agent == mesh.GRPCGo.String(); about(got.Problems) != concerned {
			t.Errorf("%s: got the Problems %v, want one about content-type: %t", row.Agent, got.Problems, concerned)
		}
	}
}

// TestViewer: a client is described by the query, and its zone is the one of its node.
func TestViewer(t *testing.T) {
	f := start(t)
	publish(t, f.store, objects+"---\napiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {topology.kubernetes.io/zone: z1}}\n", 1)
	var host view.HostView
	f.get(t, "/api/hosts/"+cart+"?node=node-a&namespace=bank&agent=grpc+java&version=1.60.0&certificate=false", http.StatusOK, &host)
	if want := (view.Viewer{Agent: "gRPC Java", Version: "1.60.0", Namespace: "bank", Zone: "z1", Node: "node-a"}); host.As != want {
		t.Errorf("got %+v, want %+v", host.As, want)
	}
}

// TestListsAreBounded: of a large host only a part is shown, and how much is left out.
func TestListsAreBounded(t *testing.T) {
	f := start(t)
	var slices strings.Builder
	slices.WriteString("apiVersion: v1\nkind: Service\nmetadata: {name: big, namespace: shop}\nspec: {ports: [{name: grpc, port: 80}]}\n---\n" +
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: big-1, namespace: shop, labels: {kubernetes.io/service-name: big}}\naddressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints:\n")
	for i := range 1100 {
		fmt.Fprintf(&slices, "- {addresses: [10.1.%d.%d]}\n", i/250, i%250)
	}
	publish(t, f.store, slices.String(), 1)
	for i := range 250 {
		c := f.connect(fmt.Sprint("n", i), "shop")
		defer c.Close()
		c.subscribe(snapshot.ListenerType, "", "big:80")
	}
	var host view.HostView
	f.get(t, "/api/hosts/big.shop.svc.cluster.local", http.StatusOK, &host)
	if e, c := host.Endpoints, host.Clients; e.Total != 1100 || len(e.Items) != 1000 || e.LeftOut != 100 || c.Total != 250 || len(c.Items) != 200 || c.LeftOut != 50 {
		t.Errorf("got %d of %d endpoints, %d left out; %d of %d clients, %d left out", len(e.Items), e.Total, e.LeftOut, len(c.Items), c.Total, c.LeftOut)
	}
}
