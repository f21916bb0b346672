package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const echoName = "outbound|8080||echo.demo.svc.cluster.local"

// follow opens a stream that asks for a cluster.
func follow(t *testing.T, store *snapshot.Store, agent, version, cluster string) *snapshot.Session {
	t.Helper()
	session := store.Open(snapshot.OpenerOf(agentNode(agent, version), ""), nil)
	session.Request(&snapshot.Request{Type: snapshot.ClusterType, Names: []string{cluster}})
	return session
}

// ignored are the messages of what clients ignore, each with the field and the kinds of clients.
func ignored(problems []mesh.Problem) []string {
	var lines []string
	for _, p := range problems {
		if p.Code == mesh.CodeIgnored {
			lines = append(lines, fmt.Sprintf("%s [%s] %s", p.Field, p.Agents, p.Message))
		}
	}
	return lines
}

func TestProblemsNameWhomTheyConcern(t *testing.T) {
	world := load(t, []string{fmt.Sprintf(echoObjects, "DestinationRule",
		"{host: echo, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}, outlierDetection: {consecutive5xxErrors: 5}}}")})
	const balancer, ejection = "spec.trafficPolicy.loadBalancer.simple", "spec.trafficPolicy.outlierDetection"
	const instead, ejects = "their calls go round robin; leave it if that will do for them", "they eject no endpoint; let it report that it is not ready"

	// Without connected clients, what holds for a current version of some kind is said.
	if diff := cmp.Diff(ignored(snapshot.New(world).Problems()), []string{
		balancer + " [gRPC C-core, gRPC Node] ignored by gRPC C-core, gRPC Node: " + instead,
	}); diff != "" {
		t.Errorf("of the objects alone (-got +want):\n%s", diff)
	}

	store := snapshot.NewStore(snapshot.Options{})
	store.Publish(world)
	expect := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(ignored(store.Problems()), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", when, diff)
		}
	}
	expect("with nobody there")
	follow(t, store, "gRPC Go", "1.85.0", echoName)
	follow(t, store, "gRPC Node Pure JS", "1.14.1", "outbound|8080||other.demo.svc.cluster.local")
	expect("with clients that do it, or call another host")
	follow(t, store, "gRPC Node Pure JS", "1.14.1", echoName)
	last := follow(t, store, "gRPC Node Pure JS", "1.14.0", echoName)
	follow(t, store, "gRPC Go", "1.49.0", echoName)
	expect("with clients that do not",
		balancer+" [gRPC Go, gRPC Node] ignored by gRPC Go 1.49, which 1 connected client(s) run, and by gRPC Node 1.14, which 2 connected client(s) run: "+instead,
		ejection+" [gRPC Go] ignored by gRPC Go 1.49, which 1 connected client(s) run: "+ejects,
	)
	last.Close()
	store.Publish(load(t, []string{fmt.Sprintf(echoObjects, "DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}")}))
	expect("when one has gone, and the rule is another",
		balancer+" [gRPC Go, gRPC Node] ignored by gRPC Go 1.49, which 1 connected client(s) run, and by gRPC Node 1.14, which 1 connected client(s) run: "+instead,
	)
}

func TestCensus(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	store := snapshot.NewStore(snapshot.Options{Registry: registry})
	store.Publish(load(t, []string{fmt.Sprintf(echoObjects, "DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}")}))
	for _, version := range []string{"1.85.0", "1.85.1", "1.55.0", ""} {
		client := follow(t, store, "gRPC Go", version, echoName).Client()
		store.Current().Resource(snapshot.ClusterType, echoName, client)
	}
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
		// Of the three versions one reads no list of balancers.
		"mizzen_projections [routes]": 2, "mizzen_projections [endpoints]": 0, "mizzen_projections [listeners]": 0, "mizzen_projections [pods]": 0,
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
