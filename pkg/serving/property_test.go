package serving_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/google/go-cmp/cmp"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestIncrementalEqualsFromScratch plays random histories of objects. After every step, the Snapshot that was derived
// step by step answers every name as a new Snapshot of the same objects does. A client that acknowledges what it is
// sent has exactly that, once its routes have settled.
func TestIncrementalEqualsFromScratch(t *testing.T) {
	for seed := range seeds.Of(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playHistory(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func playHistory(t *testing.T, r *rand.Rand) {
	t.Helper()
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, nil))
	clients := []*client{newClient(t, store, "demo"), newClient(t, store, "shop"), newClient(t, store, "shop/front")}
	objects, last := map[string]string{}, store.Current().World()
	for range 30 {
		mutate(r, objects)
		fresh := snapshottest.Load(t, slices.Collect(maps.Values(objects)))
		last = share(last, fresh)
		store.Publish(last)
		scratch := snapshot.New(snapshottest.Load(t, slices.Collect(maps.Values(objects))))
		// Longer than introductions wait, and then longer than removals wait after them.
		for _, wait := range []time.Duration{0, 6 * time.Second, 16 * time.Second} {
			<-time.After(wait)
			synctest.Wait()
			for _, c := range clients {
				c.settle(t)
			}
		}
		for _, c := range clients {
			c.check(t, store.Current(), scratch)
		}
	}
}

// TestOrderDoesNotMatter reads the same objects in many orders.
func TestOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	objects := map[string]string{}
	for range 60 {
		mutate(r, objects)
	}
	texts := slices.Sorted(maps.Values(objects))
	want := snapshot.New(snapshottest.Load(t, texts))
	c := &client{view: snapshot.ClientOf(node("demo"), "")}
	for range 20 {
		r.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		c.check(t, snapshot.New(snapshottest.Load(t, texts)), want)
	}
}

// kinds are the objects of a history. Each has variants, of which at most one exists at a time.
var kinds = map[string]func(r *rand.Rand, ns, name string) string{
	"service": func(r *rand.Rand, ns, name string) string {
		near := []string{"", ", trafficDistribution: PreferSameNode", ", internalTrafficPolicy: Local"}
		return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {ports: [{name: grpc, port: %d}]%s}\n",
			name, ns, 8080+r.IntN(2), near[r.IntN(3)])
	},
	"slice": func(r *rand.Rand, ns, name string) string {
		return fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-x, namespace: %s, "+
			"labels: {kubernetes.io/service-name: %s}}\naddressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.%d], "+
			"targetRef: {kind: Pod, name: pod, namespace: %s}, zone: demo, nodeName: %s}, {addresses: [10.0.1.1], zone: %[5]s, nodeName: demo}]\n",
			name, ns, name, 1+r.IntN(3), ns, []string{"demo", "shop"}[r.IntN(2)])
	},
	"pod": func(r *rand.Rand, ns, _ string) string {
		serves := []string{"", ", mizzen.dev/identity: spiffe", ", mizzen.dev/identity: spiffe, mizzen.dev/server: xds"}
		return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: pod, namespace: %s, labels: {version: v%d%s}}\nspec: {serviceAccountName: a%d}\n",
			ns, 1+r.IntN(2), serves[r.IntN(3)], 1+r.IntN(2))
	},
	"peers": func(r *rand.Rand, ns, name string) string {
		selectors := []string{"", "selector: {matchLabels: {version: v1}}, ", "selector: {matchLabels: {mizzen.dev/server: xds}}, "}
		return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: %s-%[2]s, namespace: %[3]s}\nspec: {%[4]smtls: {mode: %[5]s}}\n",
			name, ns, []string{ns, "istio-system"}[r.IntN(2)], selectors[r.IntN(3)], []string{"STRICT", "PERMISSIVE", "DISABLE"}[r.IntN(3)])
	},
	"policy": func(r *rand.Rand, ns, name string) string {
		selectors := []string{"", "selector: {matchLabels: {version: v1}}, ", "selector: {matchLabels: {mizzen.dev/server: xds}}, "}
		return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: %s-%[2]s, namespace: %[3]s}\n"+
			"spec: {%[4]saction: %[5]s, rules: [{from: [{source: {namespaces: [n%[6]d]}}]}]}\n",
			name, ns, []string{ns, "istio-system"}[r.IntN(2)], selectors[r.IntN(3)], []string{"ALLOW", "DENY"}[r.IntN(2)], r.IntN(3))
	},
	"routes": func(r *rand.Rand, ns, name string) string {
		hosts := []string{name, "'*." + ns + ".svc.cluster.local'", "echo.demo.svc.cluster.local", "api.example.com", "'*.example.com'"}
		callers := []string{"", "match: [{sourceNamespace: shop}], ", "match: [{sourceLabels: {app: front}}], "}
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: %s}\nspec: {hosts: [%s], "+
			"exportTo: ['%s'], http: [{%stimeout: %ds, route: [{destination: {host: cart.demo.svc.cluster.local, subset: v%d}}]}]}\n",
			name, ns, hosts[r.IntN(len(hosts))], []string{"*", "."}[r.IntN(2)], callers[r.IntN(3)], 1+r.IntN(3), 1+r.IntN(2))
	},
	"grpcroute": func(r *rand.Rand, ns, name string) string { return randomRoute(r, "GRPCRoute", ns, name) },
	"httproute": func(r *rand.Rand, ns, name string) string { return randomRoute(r, "HTTPRoute", ns, name) },
	"entry": func(r *rand.Rand, ns, name string) string {
		hosts := []string{"api.example.com", "'*.example.com'", name + "." + ns + ".svc.cluster.local", "cart.demo.svc.cluster.local"}
		endpoints := []string{
			"resolution: NONE", "resolution: STATIC, endpoints: [{address: 10.0.3.1}, {address: 10.0.3.2, ports: {grpc: 9}}]",
			"resolution: STATIC, workloadSelector: {labels: {app: outside}}", "resolution: DNS", "resolution: DNS_ROUND_ROBIN, endpoints: [{address: db.example.org}]",
		}
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: %s, namespace: %s, creationTimestamp: '2026-01-0%dT00:00:00Z'}\n"+
			"spec: {hosts: [%s], exportTo: ['%s'], ports: [{number: %d, name: grpc, protocol: GRPC}], location: %s, %s}\n", name, ns, 1+r.IntN(2), hosts[r.IntN(len(hosts))],
			[]string{"*", "."}[r.IntN(2)], []int{80, 8080, 8081}[r.IntN(3)], []string{"MESH_INTERNAL", "MESH_EXTERNAL"}[r.IntN(2)], endpoints[r.IntN(len(endpoints))])
	},
	"machine": func(r *rand.Rand, ns, name string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: %s-vm, namespace: %s}\n"+
			"spec: {address: 10.0.4.%d, labels: {app: outside, version: v%d}, locality: %s, serviceAccount: a%d}\n", name, ns, 1+r.IntN(2), 1+r.IntN(2), []string{"demo", "shop"}[r.IntN(2)], 1+r.IntN(2))
	},
	"delegate": func(r *rand.Rand, ns, name string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s-rules, namespace: %s}\nspec: {exportTo: ['%s'], "+
			"http: [{match: [{sourceNamespace: shop}], timeout: %ds, route: [{destination: {host: cart.demo.svc.cluster.local, subset: v%d}}]}]}\n",
			name, ns, []string{"*", "."}[r.IntN(2)], 1+r.IntN(3), 1+r.IntN(2))
	},
	"root": func(r *rand.Rand, ns, name string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s-root, namespace: %s}\nspec: {hosts: [%s], "+
			"http: [{match: [{uri: {prefix: /a}}], delegate: {name: %s-rules, namespace: %s}}, {route: [{destination: {host: %s}}]}]}\n",
			name, ns, name, []string{"echo", "cart"}[r.IntN(2)], []string{"demo", "shop"}[r.IntN(2)], name)
	},
	"sidecar": func(r *rand.Rand, ns, name string) string {
		selectors := []string{"", "", "workloadSelector: {labels: {app: front}}, "}
		hosts := []string{"./*", "*/*", "demo/cart.demo.svc.cluster.local", "shop/*", "*/*.example.com", "~demo/echo.demo.svc.cluster.local", "~/*"}
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: %s, namespace: %s}\nspec: {%segress: [{hosts: ['%s', '%s']}]}\n",
			name, []string{ns, ns, "istio-system"}[r.IntN(3)], selectors[r.IntN(3)], hosts[r.IntN(len(hosts))], hosts[r.IntN(len(hosts))])
	},
	"rule": func(r *rand.Rand, ns, name string) string {
		selectors := []string{"", "workloadSelector: {}, ", "workloadSelector: {matchLabels: {app: front}}, "}
		balancers := []string{"", "consistentHash: {httpHeaderName: a}", "consistentHash: {httpHeaderName: b}", // routes depend on these
			"localityLbSetting: {failoverPriority: [kubernetes.io/hostname]}", "localityLbSetting: {distribute: [{from: '*/shop', to: {'*': 100}}]}"}
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: %s}\nspec: {host: "+
			"cart.demo.svc.cluster.local, %strafficPolicy: {connectionPool: {http: {http2MaxRequests: %d}}, loadBalancer: {%s}%s}, "+
			"subsets: [{name: v%d, labels: {version: v1}}]}\n",
			name, ns, selectors[r.IntN(3)], 1+r.IntN(3), balancers[r.IntN(len(balancers))], []string{"", ", tls: {mode: DISABLE}", ", tls: {mode: ISTIO_MUTUAL}"}[r.IntN(3)], 1+r.IntN(2))
	},
}

// randomRoute is a Route of the Gateway API: of the Service's namespace or of another.
func randomRoute(r *rand.Rand, kind, ns, name string) string {
	ports := []string{"", ", port: 8080", ", port: 8081"}
	matches := []string{"", "matches: [{headers: [{name: a, value: b}]}], "}
	return fmt.Sprintf("apiVersion: gateway.networking.k8s.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s, creationTimestamp: '2026-01-0%dT00:00:00Z'}\n"+
		"spec: {parentRefs: [{group: '', kind: Service, name: %s, namespace: %s%s}], rules: [{%sbackendRefs: [{name: cart, namespace: demo, port: 8080, weight: %d}, {name: echo, port: 8080}]}]}\n",
		kind, name, ns, 1+r.IntN(2), []string{"echo", "cart"}[r.IntN(2)], []string{"demo", "shop"}[r.IntN(2)], ports[r.IntN(3)], matches[r.IntN(2)], r.IntN(3))
}

// mutate adds, changes or removes one object.
func mutate(r *rand.Rand, objects map[string]string) {
	names := slices.Sorted(maps.Keys(kinds))
	kind, ns, name := names[r.IntN(len(names))], []string{"demo", "shop"}[r.IntN(2)], []string{"echo", "cart"}[r.IntN(2)]
	key := strings.Join([]string{kind, ns, name}, "/")
	if kind == "pod" {
		key = strings.Join([]string{kind, ns}, "/")
	}
	remote := slices.Contains([]string{"service", "slice", "pod"}, kind) && r.IntN(3) == 0
	if remote {
		key += "@b"
	}
	if r.IntN(4) == 0 {
		delete(objects, key)
		return
	}
	if objects[key] = kinds[kind](r, ns, name); remote {
		objects[key] = snapshottest.InCluster("b", objects[key])
	}
}

// share returns fresh with every value that equals old's replaced by old's, as a source does.
func share(old, fresh *mesh.World) *mesh.World {
	next := *fresh
	next.Services = keep(old.Services, fresh.Services)
	next.Endpoints = keep(old.Endpoints, fresh.Endpoints)
	next.VirtualServices = keep(old.VirtualServices, fresh.VirtualServices)
	next.DestinationRules = keep(old.DestinationRules, fresh.DestinationRules)
	next.Sidecars = keep(old.Sidecars, fresh.Sidecars)
	next.EndpointGroups, next.Security = keep(old.EndpointGroups, fresh.EndpointGroups), keep(old.Security, fresh.Security)
	next.Revision = old.Revision + 2 // one was skipped, so that the Store compares pointers
	next.Changed = nil
	return &next
}

func keep[V any](old, fresh mesh.Map[*V]) mesh.Map[*V] {
	same := map[string]*V{}
	for host, v := range fresh.All() {
		if before, ok := old.Get(host); ok && cmp.Equal(before, v, protocmp.Transform(), cmp.AllowUnexported(mesh.Map[*mesh.MergedDestinationRule]{})) {
			same[host] = before
		}
	}
	return fresh.With(same, nil)
}

// node makes a node from NAMESPACE or NAMESPACE/APP. Nodes in demo declare certificates, and are servers.
func node(id string) *corev3.Node {
	namespace, app, labeled := strings.Cut(id, "/")
	// Its zone and its Kubernetes node are named like its namespace.
	n := &corev3.Node{Id: id, UserAgentName: "gRPC Go", Metadata: snapshottest.Metadata("NAMESPACE", namespace, "NODE_NAME", namespace)}
	n.Locality = &corev3.Locality{Zone: namespace}
	n.UserAgentVersionType = &corev3.Node_UserAgentVersion{UserAgentVersion: "1.85.0"}
	if namespace == "demo" {
		n.Metadata.Fields["CERTIFICATE_PROVIDERS"] = structpb.NewStringValue("default")
		n.Metadata.Fields["LABELS"] = structpb.NewStructValue(snapshottest.Metadata(mesh.LabelIdentity, mesh.IdentitySPIFFE, mesh.LabelServer, mesh.ServerXDS))
	}
	if labeled {
		n.Metadata.Fields["LABELS"] = structpb.NewStructValue(snapshottest.Metadata("app", app, "pod", "front-1"))
	}
	return n
}

// client subscribes to a fixed set of names and keeps the last bytes that it was sent for each.
type client struct {
	view     mesh.Client
	session  *serving.Session
	nonces   map[snapshot.Type]string
	received map[snapshot.Type]map[string][]byte
}

var subscriptions = map[snapshot.Type][]string{
	snapshot.ListenerType: {"10-0-1-1.cart.demo", "echo", "cart:8080", "cart.demo", "echo.shop.svc:grpc", "api.example.com", "api.example.com:8080", "www.example.com:8081", "cart:9", aServer},
	snapshot.RouteType: append(outbound("", "8080", "8081"),
		"outbound|80||api.example.com", "outbound|8080||api.example.com", "outbound|8081||www.example.com", "outbound|9||cart.shop.svc.cluster.local", "inbound|1||"),
	snapshot.ClusterType:  clusters(),
	snapshot.EndpointType: clusters(),
}

// clusters are all to which routes may lead, with those of the endpoints that are called over the mesh's TLS, aPod, and those of a ServiceEntry.
func clusters() (names []string) {
	for _, name := range slices.Concat(outbound("", "8080", "8081"), outbound("v1", "8080", "8081"), outbound("v2", "8080", "8081")) {
		names = append(names, name, name+"~mtls")
	}
	return append(names, aPod, "outbound|80||api.example.com", "outbound|8080||api.example.com")
}

// aServer is the Listener of a server, which has none while it must not serve.
const aServer = "grpc/server?xds.resource.listening_address=0.0.0.0:1"

// aPod is the cluster of one pod by its own name.
const aPod = "outbound|8080||10-0-1-1.cart.demo.svc.cluster.local"

func outbound(subset string, ports ...string) (names []string) {
	for _, port := range ports {
		for _, host := range []string{"echo.demo", "cart.demo", "echo.shop", "cart.shop"} {
			names = append(names, "outbound|"+port+"|"+subset+"|"+host+".svc.cluster.local")
		}
	}
	return names
}

func newClient(t *testing.T, store *serving.Store, id string) *client {
	t.Helper()
	return open(t, store, node(id))
}

func open(t *testing.T, store *serving.Store, n *corev3.Node) *client {
	t.Helper()
	c := &client{
		view: snapshot.ClientOf(n, ""), session: store.Open(serving.ClientInfoOf(n, "", ""), nil),
		nonces: map[snapshot.Type]string{}, received: map[snapshot.Type]map[string][]byte{},
	}
	t.Cleanup(c.session.Close)
	for typ := range subscriptions {
		c.received[typ] = map[string][]byte{}
		c.request(typ, nil)
	}
	c.settle(t)
	return c
}

// request sends a request, which answers the last response of the type.
func (c *client) request(typ snapshot.Type, refusal *statuspb.Status) {
	c.session.Request(&serving.Request{Type: typ, Names: slices.Clone(subscriptions[typ]), Nonce: c.nonces[typ], Refusal: refusal})
}

// settle takes and acknowledges responses until no response is due.
func (c *client) settle(t *testing.T) {
	t.Helper()
	for r := c.session.Next(); r != nil; r = c.session.Next() {
		want := len(subscriptions[r.Type])
		if r.Type == snapshot.ListenerType && !slices.ContainsFunc(r.Resources, func(v *snapshot.Versioned) bool { return v.Name == aServer }) {
			delete(c.received[r.Type], aServer)
			want--
		}
		if r.Type.FullState() && len(r.Resources) != want {
			t.Errorf("a response of %s has %d resources of %d", r.Type.ShortName(), len(r.Resources), want)
		}
		for _, v := range r.Resources {
			c.received[r.Type][v.Name] = v.Any().GetValue()
		}
		c.nonces[r.Type] = r.Nonce
		c.request(r.Type, nil)
	}
}

// check compares the answers of the derived and the new Snapshot, and what the client received.
func (c *client) check(t *testing.T, grown, fresh *snapshot.Snapshot) {
	t.Helper()
	for typ, names := range subscriptions {
		for _, name := range names {
			got, want := grown.Resource(typ, name, c.view), fresh.Resource(typ, name, c.view)
			if name == aServer && (got == nil || want == nil) {
				if got != want || len(c.received[typ][name]) > 0 {
					t.Fatalf("%s: got %v, from scratch %v, and the client has %q", name, got, want, c.received[typ][name])
				}
				continue
			}
			if got.Version != want.Version {
				t.Fatalf("%s %s: version %s, from scratch %s", typ.ShortName(), name, got.Version, want.Version)
			}
			if c.session != nil && string(c.received[typ][name]) != string(want.Any().GetValue()) {
				t.Fatalf("%s %s: the client of %s does not have the current version: %s\n%s\nhas %q", typ.ShortName(), name, c.view.Namespace, want.Version, want.Any(), c.received[typ][name])
			}
		}
	}
	if got, want := fmt.Sprint(grown.Problems()), fmt.Sprint(fresh.Problems()); snapshottest.WithoutFiles(got) != snapshottest.WithoutFiles(want) {
		t.Fatalf("problems: %s, from scratch %s", got, want)
	}
}
