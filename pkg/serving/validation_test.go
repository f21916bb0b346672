package serving_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// rejectUnlucky is a Check that rejects what clients accept: a limit of 13 calls, and an address that ends in 13.
func rejectUnlucky(_ string, m proto.Message, r clientrules.Audience) []clientrules.Finding {
	unlucky := false
	switch m := m.(type) {
	case *clusterv3.Cluster:
		unlucky = m.GetCircuitBreakers().GetThresholds()[0].GetMaxRequests().GetValue() == 13
	case *endpointv3.ClusterLoadAssignment:
		for _, l := range m.GetEndpoints() {
			for _, e := range l.GetLbEndpoints() {
				unlucky = unlucky || strings.HasSuffix(e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress(), ".13")
			}
		}
	}
	if !unlucky {
		return nil
	}
	return []clientrules.Finding{{Text: "brings bad luck", Kinds: r.Kinds &^ mesh.MakeClientKinds(mesh.GRPCJava)}}
}

// limited returns two Services with limits, and a timeout for the first one.
func limited(echo, cart, timeout int) []string {
	objects := []string{}
	for name, limit := range map[string]int{"echo": echo, "cart": cart} {
		objects = append(objects, fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n---\n"+
			"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %[1]s, namespace: demo}\n"+
			"spec: {host: %[1]s, trafficPolicy: {connectionPool: {http: {http2MaxRequests: %d}}}}\n", name, limit))
	}
	return append(objects, fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\n"+
		"spec: {hosts: [echo], http: [{timeout: %ds, route: [{destination: {host: echo}}]}]}\n", timeout))
}

const echoCluster, cartCluster = "outbound|8080||echo.demo.svc.cluster.local", "outbound|8080||cart.demo.svc.cluster.local"

// TestWithheldAlone edits a rule twice so that its cluster must be withheld, and then corrects it.
func TestWithheldAlone(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := serving.NewStore(serving.Options{Check: rejectUnlucky, Registry: registry})
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	demo := newClient(t, store, "demo")
	demo.limits(t, 7, 5)
	route := string(demo.received[snapshot.RouteType][echoCluster])

	for _, cart := range []int{6, 8} {
		store.Publish(snapshottest.Load(t, limited(13, cart, cart)))
		demo.settle(t)
		demo.limits(t, 7, cart)
		if now := string(demo.received[snapshot.RouteType][echoCluster]); now == route {
			t.Error("the route of the same host was withheld, too")
		} else {
			route = now
		}
		if got := withheld(store); len(got) != 2 || !strings.Contains(got[0], "DestinationRule demo/echo") ||
			!strings.Contains(got[0], echoCluster) || !strings.Contains(got[0], "it brings bad luck") {
			t.Errorf("got Problems %q", got)
		}
		if n := gauge(t, registry, "mizzen_resources_held_back"); n != 1 {
			t.Errorf("the metric reports %v withheld resources", n)
		}
	}
	// A new client gets the fallback of its group. There is no fallback for other groups: rules may have applied to
	// the first group that do not apply to them.
	newClient(t, store, "demo").limits(t, 7, 8)
	other := newClient(t, store, "shop")
	if got, want := other.received[snapshot.ClusterType][echoCluster], marshal(t, translate.NotFoundCluster(echoCluster, mesh.Client{}).Message); string(got) != string(want) {
		t.Errorf("a client of another namespace got %v, want a cluster in which calls fail", cluster(t, got))
	}
	java := node("demo")
	java.UserAgentName = "gRPC Java"
	open(t, store, java).limits(t, 13, 8)

	store.Publish(snapshottest.Load(t, limited(9, 8, 8)))
	for _, c := range []*client{demo, other} {
		c.settle(t)
		c.limits(t, 9, 8)
	}
	if got := withheld(store); len(got) != 0 {
		t.Errorf("got Problems %q", got)
	}
	if n := gauge(t, registry, "mizzen_resources_held_back"); n != 0 {
		t.Errorf("the metric reports %v withheld resources", n)
	}
}

// TestNoFallbackFromDifferentVersions has two clients that differ only in their zones. They had different endpoints
// and would get the same ones. Each keeps what it had, and a third one gets neither.
func TestNoFallbackFromDifferentVersions(t *testing.T) {
	synctest.Test(t, noFallbackFromDifferentVersions)
}

func noFallbackFromDifferentVersions(t *testing.T) {
	world := func(distribution string, last int) *mesh.World {
		return snapshottest.Load(t, []string{
			fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]%s}\n", distribution),
			fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-x, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n"+
				"addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.%d], zone: b}]\n", last),
		})
	}
	store := serving.NewStore(serving.Options{Check: rejectUnlucky})
	store.Publish(world(", trafficDistribution: PreferClose", 2))
	in := func(zone string) *client {
		n := node("demo")
		n.Locality.Zone = zone
		return open(t, store, n)
	}
	endpoints := func(c *client) string { return string(c.received[snapshot.EndpointType][echoCluster]) }
	a, b := in("a"), in("b")
	inA, inB := endpoints(a), endpoints(b)
	if inA == inB {
		t.Fatal("the zones do not matter")
	}
	for range 2 {
		<-time.After(time.Minute) // until the routes have settled; before that no endpoints are removed from a client
		store.Publish(world("", 13))
		for _, c := range []*client{a, b} {
			c.settle(t)
		}
		if endpoints(a) != inA || endpoints(b) != inB {
			t.Error("a client did not keep what it had")
		}
	}
	if got, want := endpoints(in("a")), marshal(t, translate.NotFoundEndpoints(echoCluster, mesh.Client{}).Message); got != string(want) {
		t.Errorf("a new client got %q", got)
	}
	store.Publish(world("", 3))
	for _, c := range []*client{a, b} {
		c.settle(t)
		if endpoints(c) == inA || endpoints(c) == inB {
			t.Error("a client still has what it had")
		}
	}
}

// limits compares the limits in the clusters that the client received.
func (c *client) limits(t *testing.T, echo, cart int) {
	t.Helper()
	for name, want := range map[string]int{echoCluster: echo, cartCluster: cart} {
		m := cluster(t, c.received[snapshot.ClusterType][name])
		if got := int(m.GetCircuitBreakers().GetThresholds()[0].GetMaxRequests().GetValue()); got != want {
			t.Errorf("%s is limited to %d, want %d", name, got, want)
		}
	}
}

func cluster(t *testing.T, data []byte) *clusterv3.Cluster {
	t.Helper()
	m := &clusterv3.Cluster{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func withheld(store *serving.Store) []string {
	var lines []string
	for _, p := range store.Problems() {
		if p.Code == mesh.CodeHeldBack {
			lines = append(lines, p.String())
		}
	}
	return lines
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
