package serving_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const echoService = `
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
`

// TestUnknownNames: a name is listed while connected clients dial it and it does not exist for them, with the time since
// which it is so, whatever else changes.
func TestUnknownNames(t *testing.T) { synctest.Test(t, listUnknownNames) }

func listUnknownNames(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	if got := store.UnknownNames(); got == nil || len(got) != 0 {
		t.Errorf("before the first World: got %#v, want an empty list", got)
	}
	began := time.Now().UTC()
	after := func(d time.Duration) time.Time { return began.Add(d) }
	publish := func(names ...string) {
		var objects []string
		for _, name := range names {
			objects = append(objects, fmt.Sprintf(echoService, name))
		}
		store.Publish(snapshottest.Load(t, objects))
	}
	dial := func(node, namespace string, names ...string) *serving.Session {
		n := &corev3.Node{Id: node, UserAgentName: "gRPC Go", Metadata: snapshottest.Metadata("NAMESPACE", namespace)}
		session := store.Open(serving.ClientInfoOf(n, "", ""), nil)
		session.Request(&serving.Request{Type: snapshot.ListenerType, Names: names})
		return session
	}
	expect := func(when string, want ...serving.UnknownName) {
		t.Helper()
		if diff := cmp.Diff(append([]serving.UnknownName{}, want...), store.UnknownNames()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		if got := gauge(t, registry, "mizzen_unknown_names"); got != float64(len(want)) {
			t.Errorf("%s: got %v unknown names in the metric, want %d", when, got, len(want))
		}
	}

	publish("echo")
	first := dial("a", "demo", "echo", "ehco")
	<-time.After(time.Second)
	second := dial("b", "demo", "ehco")
	other := dial("c", "shop", "echo")
	mine := serving.UnknownName{
		Name: "ehco", Namespace: "demo", Clients: 2, Since: after(0), Near: []snapshot.Near{{Dial: "echo", Text: "did you mean echo?"}},
		Examples: []serving.UnknownsClient{{Node: "a", Since: after(0)}, {Node: "b", Since: after(time.Second)}},
	}
	theirs := serving.UnknownName{
		Name: "echo", Namespace: "shop", Clients: 1, Since: after(time.Second),
		Near:     []snapshot.Near{{Dial: "echo.demo", Text: "Service demo/echo has the name: dial echo.demo"}},
		Examples: []serving.UnknownsClient{{Node: "c", Since: after(time.Second)}},
	}
	expect("three clients are connected", mine, theirs)

	// A change that concerns the name but does not make it exist.
	store.Publish(snapshottest.Load(t, []string{fmt.Sprintf(echoService, "echo"), `
apiVersion: v1
kind: Service
metadata: {name: ehco, namespace: demo}
spec: {ports: [{name: a, port: 80}, {name: b, port: 81}]}
`}))
	mine.Near = []snapshot.Near{
		{Dial: "ehco:80", Text: "Service demo/ehco has port 80 (a): dial ehco:80"}, {Dial: "ehco:81", Text: "Service demo/ehco has port 81 (b): dial ehco:81"},
	}
	expect("the Service has two ports and no default", mine, theirs)

	publish("echo", "ehco")
	expect("the Service exists", theirs)
	<-time.After(time.Second)
	publish("echo")
	mine.Near = []snapshot.Near{{Dial: "echo", Text: "did you mean echo?"}}
	mine.Since, mine.Examples[0].Since, mine.Examples[1].Since = after(2*time.Second), after(2*time.Second), after(2*time.Second)
	expect("the Service was deleted", mine, theirs)

	other.Close()
	expect("a client is gone", mine)
	second.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{"echo"}, Nonce: second.Next().Nonce})
	mine.Clients, mine.Examples = 1, mine.Examples[:1]
	expect("a client dials another name", mine)
	first.Close()
	expect("all that dial the name are gone")
	second.Close()
}

// TestManyUnknownNames: near names, which cost time, are looked for only for the names that most clients dial.
func TestManyUnknownNames(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, []string{fmt.Sprintf(echoService, "echo")}))
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("ech%03d", i))
	}
	for range 5 {
		session := store.Open(serving.ClientInfoOf(snapshottest.Node("gRPC Go", "1.85.0"), "", ""), nil)
		defer session.Close()
		session.Request(&serving.Request{Type: snapshot.ListenerType, Names: append([]string{"zecho"}, names...)})
		names = names[:len(names)-1]
	}
	got := store.UnknownNames()
	if len(got) != 1001 {
		t.Fatalf("got %d names, want 1001", len(got))
	}
	explained := 0
	for _, u := range got {
		if u.Near != nil {
			explained++
		}
		if len(u.Examples) > 3 {
			t.Errorf("%s has %d examples", u.Name, len(u.Examples))
		}
	}
	if explained != 100 || got[0].Clients != 5 || got[1000].Clients != 1 {
		t.Errorf("got %d names with near names, the first dialed by %d, the last by %d; want 100, 5, 1", explained, got[0].Clients, got[1000].Clients)
	}
}

// TestUnknownNamesOfHTTPClients: they are counted apart, and near names are those that an HTTP client can call.
func TestUnknownNamesOfHTTPClients(t *testing.T) {
	registry := prometheus.NewRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	store.Publish(snapshottest.Load(t, []string{`
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: main, port: 80, appProtocol: grpc}, {name: a, port: 81}, {name: b, port: 82}]}
`}))
	dial := func(agent, name string) {
		n := &corev3.Node{Id: agent, UserAgentName: agent, Metadata: snapshottest.Metadata("NAMESPACE", "demo")}
		store.Open(serving.ClientInfoOf(n, "", ""), nil).Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{name}})
	}
	dial("mizzen-java-agent", "echo")
	dial("mizzen-java-agent", "nacos-only")
	if got := gauge(t, registry, "mizzen_unknown_names"); got != 0 {
		t.Errorf("got %v unknown names in the metric, want 0: a registry may have them", got)
	}
	dial("gRPC Go", "nacos-only")
	if got := gauge(t, registry, "mizzen_unknown_names"); got != 1 {
		t.Errorf("got %v unknown names in the metric, want 1", got)
	}
	got := map[string]string{}
	for _, u := range store.UnknownNames() {
		dials := []string{}
		for _, near := range u.Near {
			dials = append(dials, near.Dial)
		}
		got[u.Name] = fmt.Sprintf("%d of %d, near %s", u.HTTP, u.Clients, dials)
	}
	want := map[string]string{"echo": "1 of 1, near [echo:81]", "nacos-only": "1 of 2, near []"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
