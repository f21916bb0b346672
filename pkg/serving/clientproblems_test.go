package serving_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const echoName = "outbound|8080||echo.demo.svc.cluster.local"

// subscribe opens a stream that subscribes to a cluster.
func subscribe(t *testing.T, store *serving.Store, userAgent, version, cluster string) *serving.Session {
	t.Helper()
	session := store.Open(serving.ClientInfoOf(snapshottest.Node(userAgent, version), "", ""), nil)
	session.Request(&serving.Request{Type: snapshot.ClusterType, Names: []string{cluster}})
	return session
}

// ignored returns the Ignored Problems, each as field, client kinds and message.
func ignored(problems []mesh.Problem) []string {
	var lines []string
	for _, p := range problems {
		if p.Code == mesh.CodeIgnored {
			lines = append(lines, fmt.Sprintf("%s [%s] %s", p.Field, p.ClientKinds, p.Message))
		}
	}
	return lines
}

func TestProblemsNameTheClients(t *testing.T) {
	world := snapshottest.Load(t, []string{fmt.Sprintf(snapshottest.EchoObjects, "DestinationRule",
		"{host: echo, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}, outlierDetection: {consecutive5xxErrors: 5}}}")})
	const balancer, ejection = "spec.trafficPolicy.loadBalancer.simple", "spec.trafficPolicy.outlierDetection"
	const fallback, ejects = "Their calls are balanced round robin. Keep the setting if that is good enough for them.", "They do not eject endpoints. Use a readiness probe."

	// Without connected clients, a Problem is reported if it concerns the current version of a client kind.
	if diff := cmp.Diff(ignored(snapshot.New(world).Problems()), []string{
		balancer + " [gRPC C-core, gRPC Node] Ignored by gRPC C-core, gRPC Node. " + fallback,
	}); diff != "" {
		t.Errorf("without connected clients (-got +want):\n%s", diff)
	}

	store := serving.NewStore(serving.Options{})
	store.Publish(world)
	expect := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(ignored(store.Problems()), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", when, diff)
		}
	}
	expect("without clients")
	subscribe(t, store, "gRPC Go", "1.85.0", echoName)
	subscribe(t, store, "gRPC Node Pure JS", "1.14.1", "outbound|8080||other.demo.svc.cluster.local")
	expect("with clients that support it, or call another host")
	subscribe(t, store, "gRPC Node Pure JS", "1.14.1", echoName)
	last := subscribe(t, store, "gRPC Node Pure JS", "1.14.0", echoName)
	subscribe(t, store, "gRPC Go", "1.49.0", echoName)
	expect("with clients that do not support it",
		balancer+" [gRPC Go, gRPC Node] Ignored by gRPC Go 1.49 (1 connected), gRPC Node 1.14 (2 connected). "+fallback,
		ejection+" [gRPC Go] Ignored by gRPC Go 1.49 (1 connected). "+ejects,
	)
	last.Close()
	store.Publish(snapshottest.Load(t, []string{fmt.Sprintf(snapshottest.EchoObjects, "DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}")}))
	expect("after one has disconnected, and the rule has changed",
		balancer+" [gRPC Go, gRPC Node] Ignored by gRPC Go 1.49 (1 connected), gRPC Node 1.14 (1 connected). "+fallback,
	)
}

// TestProblemsOfServicelessHosts has clients that subscribe to hosts which only a VirtualService declares, one of
// them below a wildcard.
func TestProblemsOfServicelessHosts(t *testing.T) {
	const rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: demo}\n" +
		"spec: {hosts: ['%s'], http: [{match: [{headers: {content-type: {exact: a}}}], route: [{destination: {host: echo}}]}]}\n"
	echo := fmt.Sprintf(snapshottest.EchoObjects, "DestinationRule", "{host: echo}")
	for host, dialed := range map[string][2]string{
		"api.example.com": {"api.example.com", "other.example.com"},
		"*.example.com":   {"api.example.com:8080", "example.com"},
	} {
		t.Run(host, func(t *testing.T) {
			store := serving.NewStore(serving.Options{})
			store.Publish(snapshottest.Load(t, []string{echo, fmt.Sprintf(rule, "api", host), fmt.Sprintf(rule, "other", "*.more.example.com")}))
			dial := func(userAgent, version, name string) {
				t.Helper()
				session := store.Open(serving.ClientInfoOf(snapshottest.Node(userAgent, version), "", ""), nil)
				session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{name}})
			}
			dial("gRPC Go", "1.85.0", dialed[1])
			dial("gRPC Java", "1.85.0", dialed[0])
			if got := ignored(store.Problems()); len(got) > 0 {
				t.Errorf("with no client that the rule concerns, got %q", got)
			}
			dial("gRPC Go", "1.85.0", dialed[0])
			var got []mesh.Problem
			for _, p := range store.Problems() {
				if p.Code == mesh.CodeIgnored {
					got = append(got, p)
				}
			}
			if len(got) != 1 || got[0].Object.Name != "api" || got[0].ClientKinds != mesh.MakeClientKinds(mesh.GRPCGo) {
				t.Errorf("got %v, want one Problem of the rule that concerns gRPC Go", got)
			}
		})
	}
}

// TestPodsNotInjected counts pods without the bootstrap, and neither older pods nor containers without the Java agent.
func TestPodsNotInjected(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	world := snapshottest.Load(t, []string{idleService})
	for _, p := range []struct{ kind, field string }{{"Pod", ""}, {"Pod", ""}, {"Pod", "spec.containers[0].env"}, {"Namespace", "metadata.labels[mizzen.dev/inject]"}} {
		world.Problems = append(world.Problems, mesh.Problem{Code: mesh.CodeNotInjected, Object: mesh.Ref{Kind: p.kind, Namespace: "shop", Name: "a"}, Field: p.field})
	}
	store.Publish(world)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "mizzen_pods_not_injected" {
			if got := f.GetMetric()[0].GetGauge().GetValue(); got != 2 {
				t.Errorf("got %v, want 2", got)
			}
			return
		}
	}
	t.Error("there is no mizzen_pods_not_injected")
}

func TestCollector(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	store.Publish(snapshottest.Load(t, []string{
		fmt.Sprintf(snapshottest.EchoObjects, "DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}"),
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: api, namespace: demo}\n" +
			"spec: {hosts: [api.example.com], http: [{route: [{destination: {host: echo}}]}]}\n",
	}))
	store.Current().Resource(snapshot.RouteType, "outbound|80||api.example.com", mesh.Client{Namespace: "demo"})
	store.Current().Resource(snapshot.ClusterType, "outbound|8080||10-0-0-1.echo.demo.svc.cluster.local", mesh.Client{Namespace: "demo"})
	for _, version := range []string{"1.85.0", "1.85.1", "1.55.0", ""} {
		client := subscribe(t, store, "gRPC Go", version, echoName).Client()
		store.Current().Resource(snapshot.ClusterType, echoName, client)
	}
	// A gauge counts Problems, which translates for clients to which rules may apply. It may be gathered before or
	// after the others, so this is done first.
	store.Problems()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if name := f.GetName(); name == "mizzen_xds_clients" || name == "mizzen_projections" {
			for _, m := range f.GetMetric() {
				got[name+" "+labelValues(m)] = m.GetGauge().GetValue()
			}
		}
	}
	want := map[string]float64{
		"mizzen_xds_clients [gRPC Go 1.85]": 2, "mizzen_xds_clients [gRPC Go 1.55]": 1, "mizzen_xds_clients [gRPC Go ]": 1,
		// One of the three versions cannot read a list of load balancers. The fourth one is a serviceless host.
		"mizzen_projections [routes]": 4, "mizzen_projections [endpoints]": 0, "mizzen_projections [listeners]": 0, "mizzen_projections [pods]": 1,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("metrics (-got +want):\n%s", diff)
	}
}

func labelValues(m *dto.Metric) string {
	var values []string
	for _, l := range m.GetLabel() {
		values = append(values, l.GetValue())
	}
	return fmt.Sprint(values)
}

// TestProblemsOfHTTPClients: what only HTTP clients have problems with is reported while one uses the host, and what all clients
// have problems with is reported once.
func TestProblemsOfHTTPClients(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	objects := fmt.Sprintf(snapshottest.EchoObjects, "VirtualService",
		"{hosts: [echo], http: [{corsPolicy: {}, match: [{uri: {prefix: api}}], route: [{destination: {host: gone}}]}]}")
	store.Publish(snapshottest.Load(t, []string{strings.ReplaceAll(objects, "name: grpc", "name: http")}))
	lines := func() []string {
		var all []string
		for _, p := range store.Problems() {
			all = append(all, fmt.Sprintf("%s %s [%s]", p.Code, p.Field, p.ClientKinds))
		}
		return all
	}
	general := []string{
		"Unsupported spec.http[0].corsPolicy []",
		"Unreachable spec.http[0].match[0].uri.prefix []",
		"NoSuchHost spec.http[0].route[0].destination.host []",
	}
	if diff := cmp.Diff(lines(), general); diff != "" {
		t.Errorf("without an HTTP client (-got +want):\n%s", diff)
	}
	session := subscribe(t, store, "mizzen-java-agent", "0.1.0", echoName)
	if diff := cmp.Diff(lines(), []string{
		"Unsupported spec.http[0].corsPolicy [mizzen-java-agent]", general[0],
		"Unreachable spec.http[0].match[0].uri.prefix [mizzen-java-agent]", general[1],
		general[2],
	}); diff != "" {
		t.Errorf("with an HTTP client (-got +want):\n%s", diff)
	}
	session.Close()
	if diff := cmp.Diff(lines(), general); diff != "" {
		t.Errorf("without the HTTP client (-got +want):\n%s", diff)
	}
}
