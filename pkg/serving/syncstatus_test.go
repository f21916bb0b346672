package serving_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// reject answers the response that is due with a NACK.
func (c *client) reject(t *testing.T, text string) {
	t.Helper()
	r := c.session.Next()
	if r == nil {
		t.Fatal("no response is due")
	}
	c.nonces[r.Type] = r.Nonce
	c.request(r.Type, &statuspb.Status{Message: text})
}

// objectSync returns the sync status of an object, as text.
func objectSync(t *testing.T, store *serving.Store, kind, name string) string {
	t.Helper()
	for _, d := range store.ObjectSyncs() {
		if d.Object == (mesh.Ref{Kind: kind, Namespace: "demo", Name: name}) {
			return fmt.Sprintf("%d of %d pending %s", d.Pending, d.Clients, strings.Join(d.Refusals, "; "))
		}
	}
	return "unknown"
}

func TestObjectSyncsFollowTheClients(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	if got := store.ObjectSyncs(); len(got) != 0 {
		t.Errorf("before the first World: got %v", got)
	}
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	expect := func(when string, echo, route, cart string) {
		t.Helper()
		got := []string{
			objectSync(t, store, "DestinationRule", "echo"), objectSync(t, store, "VirtualService", "echo"), objectSync(t, store, "DestinationRule", "cart"),
		}
		if diff := cmp.Diff([]string{echo, route, cart}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	expect("no client is connected", "0 of 0 pending ", "0 of 0 pending ", "0 of 0 pending ")

	first, second := newClient(t, store, "demo"), newClient(t, store, "demo")
	expect("both have everything", "0 of 2 pending ", "0 of 2 pending ", "0 of 2 pending ")
	revision := store.StatusRevision()
	store.ObjectSyncs()
	if store.StatusRevision() != revision {
		t.Error("reading the sync status changed the status revision")
	}

	store.Publish(snapshottest.Load(t, limited(8, 5, 1)))
	expect("a cluster is on its way", "2 of 2 pending ", "0 of 2 pending ", "0 of 2 pending ")
	first.settle(t)
	expect("one has answered", "1 of 2 pending ", "0 of 2 pending ", "0 of 2 pending ")
	second.reject(t, "bad "+echoCluster+": no")
	rejection := "gRPC Go 1.85.0 rejected Cluster " + echoCluster + ": bad " + echoCluster + ": no"
	expect("the other has rejected it", "0 of 2 pending "+rejection, "0 of 2 pending ", "0 of 2 pending ")
	if store.StatusRevision() == revision {
		t.Error("the answers did not change the status revision")
	}

	store.Publish(snapshottest.Load(t, limited(9, 5, 1)))
	second.settle(t)
	first.settle(t)
	expect("both have accepted an edit", "0 of 2 pending ", "0 of 2 pending ", "0 of 2 pending ")
}

// TestRefusedCountsClients: the Problem of a rejection states how many clients reject, in English.
func TestRefusedCountsClients(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	first, second := newClient(t, store, "demo"), newClient(t, store, "demo")
	store.Publish(snapshottest.Load(t, limited(8, 5, 1)))
	expect := func(want string) {
		t.Helper()
		want += " rejected Cluster " + echoCluster + " (NACK) and "
		for _, p := range store.Problems() {
			if p.Code == mesh.CodeRefused && strings.HasPrefix(p.Message, want) {
				return
			}
		}
		t.Errorf("got %v, want a Problem that begins with %q", store.Problems(), want)
	}
	first.reject(t, "no: "+echoCluster)
	expect("1 client of gRPC Go 1.85.0")
	second.reject(t, "no: "+echoCluster)
	expect("2 clients of gRPC Go 1.85.0")
}

func TestSyncStatusesOfRejections(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	demo := newClient(t, store, "demo")
	store.Publish(snapshottest.Load(t, limited(8, 5, 1)))
	demo.reject(t, "no: "+echoCluster)
	for c := range store.ClientSyncs() {
		i := slices.IndexFunc(c.Resources, func(s serving.SyncStatus) bool { return s.Type == snapshot.ClusterType && s.Name == echoCluster })
		got := c.Resources[i]
		if !got.Rejected || got.Pending() || got.Reason != "no: "+echoCluster || got.Accepted == nil || got.Accepted.Version == got.Current.Version {
			t.Errorf("got %+v, want the current version rejected, and an older one accepted", got)
		}
	}
	refused := func() map[string]string {
		types := store.Clients()[0].Types
		return types[slices.IndexFunc(types, func(s serving.TypeState) bool { return s.Type == snapshot.ClusterType.Name() })].Refused
	}
	if got := refused(); len(got) != 1 || got[echoCluster] != "no: "+echoCluster {
		t.Errorf("got %v rejected, want %s", got, echoCluster)
	}
	store.Publish(snapshottest.Load(t, limited(9, 5, 1)))
	demo.settle(t)
	if got := refused(); len(got) != 0 {
		t.Errorf("got %v rejected after an edit that was accepted", got)
	}
}

func TestPropagationIsMeasuredToTheLastAnswer(t *testing.T) { synctest.Test(t, measurePropagation) }

func measurePropagation(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	publish := func(limit int) {
		world := snapshottest.Load(t, limited(limit, 5, 1))
		world.Arrived = time.Now()
		<-time.After(time.Second)
		store.Publish(world)
	}
	expect := func(when string, count uint64, sum float64) {
		t.Helper()
		if n, s := histogram(t, registry, "mizzen_propagation_seconds"); n != count || s != sum {
			t.Errorf("%s: got %d changes and %v seconds, want %d and %v", when, n, s, count, sum)
		}
	}
	publish(7)
	expect("no client is connected", 0, 0)
	first, second := newClient(t, store, "demo"), newClient(t, store, "demo")

	publish(8)
	<-time.After(2 * time.Second)
	first.settle(t)
	expect("one has answered", 0, 0)
	<-time.After(3 * time.Second)
	second.settle(t)
	expect("both have answered", 1, 6)

	publish(9)
	publish(10)
	first.settle(t)
	second.settle(t)
	expect("one response carried two changes", 3, 6+2+1)

	publish(11)
	first.settle(t)
	<-time.After(time.Minute)
	third := store.Open(serving.ClientInfoOf(nil, "", ""), nil)
	third.Close()
	expect("one does not answer", 3, 9)
	if n, s := histogram(t, registry, "mizzen_change_wait_seconds"); n != 5 || s != 5 {
		t.Errorf("waiting: got %d changes and %v seconds, want 5 and 5", n, s)
	}
}

func histogram(t *testing.T, registry *prometheus.Registry, name string) (count uint64, sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			h := family.GetMetric()[0].GetHistogram()
			return h.GetSampleCount(), h.GetSampleSum()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0, 0
}

// TestObjectsWithoutEndpoints: a rule that sends calls to a subset without endpoints is valid, and not in effect.
func TestObjectsWithoutEndpoints(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n" +
			"addressType: IPv4\nports: [{name: grpc, port: 50051}]\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec: {host: echo, subsets: [{name: a, labels: {version: a}}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\n" +
			"spec: {hosts: [echo], http: [{route: [{destination: {host: echo, subset: a}}]}]}\n",
	}))
	var got []string
	for _, d := range store.ObjectSyncs() {
		for _, p := range d.Problems {
			got = append(got, fmt.Sprintf("%s %s %s", p.Severity, p.Code, d.Object))
		}
	}
	want := []string{"warning EmptySubset DestinationRule demo/echo", "warning EmptySubset VirtualService demo/echo"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestObjectsWithErrors: the errors in an object are beside those that depend on clients, and never in both.
func TestObjectsWithErrors(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: echo, namespace: demo}\n" +
			"spec: {hosts: [echo], http: [{route: [{destination: {host: echo, subset: a}}]}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: refused, namespace: demo}\nspec: {host: [echo]}\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: fine, namespace: demo}\nspec: {host: echo}\n",
		"apiVersion: [\n",
	}))
	var got []string
	for _, d := range store.ObjectSyncs() {
		line := d.Object.Kind + " " + filepath.Base(d.Object.Name) + ":"
		for _, p := range d.Errors {
			line += fmt.Sprintf(" %s", p.Code)
		}
		got = append(got, line)
	}
	want := []string{"DestinationRule fine:", "DestinationRule refused: InvalidValue", "File 004.yaml: Unreadable", "VirtualService echo: NoSuchSubset"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
