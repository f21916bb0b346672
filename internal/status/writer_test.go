package status_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	watchobject "github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	service = `{apiVersion: v1, kind: Service, metadata: {name: echo, namespace: shop}, spec: {ports: [{name: grpc, port: 80}]}}`
	// route is a VirtualService with a generation, and the fields of its first rule.
	route = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: echo, namespace: shop, generation: %d}, ` +
		`spec: {hosts: [echo], http: [{%s, route: [{destination: {host: echo}}]}]}, status: {conditions: [` +
		`{type: Reconciled, status: "True", observedGeneration: "1"}]}}`
	good = `timeout: 1s`
	bad  = `rewrite: {uri: /x}, timeout: 1s`
)

// rig is a cluster with one VirtualService, and Writers that write to it.
type rig struct {
	store *serving.Store
	istio *dynamicfake.FakeDynamicClient
	dir   string
	log   bytes.Buffer
	last  uint64
}

var (
	routes = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}
	events = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
	leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
)

// lists returns the lists of the kinds of rules.
func lists() map[schema.GroupVersionResource]string {
	kinds := map[schema.GroupVersionResource]string{}
	for row := range watchobject.Authored() {
		kinds[row.Resource] = string(row.Kind) + "List"
	}
	return kinds
}

func newRig(t *testing.T) *rig {
	t.Helper()
	kinds := lists()
	kinds[events], kinds[leases] = "EventList", "LeaseList"
	r := &rig{
		store: serving.NewStore(serving.Options{}), dir: t.TempDir(),
		istio: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds),
	}
	_, err := r.istio.Resource(routes).Namespace("shop").Create(t.Context(), object(t, fmt.Sprintf(route, 1, good)), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t, 1, good)
	return r
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

// serve publishes the VirtualService with these fields.
func (r *rig) serve(t *testing.T, generation int, fields string) {
	t.Helper()
	r.publish(t, fmt.Sprintf(route, generation, fields))
}

func (r *rig) publish(t *testing.T, objects ...string) {
	t.Helper()
	path := filepath.Join(r.dir, "objects.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(append(objects, service), "\n---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	world, err := files.Load(watch.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	r.last++
	world.Revision = r.last
	world.Changed = mesh.HostKeys([]string{"echo.shop.svc.cluster.local"})
	r.store.Publish(world)
}

// edit changes the generation of the VirtualService in the cluster only.
func (r *rig) edit(t *testing.T, generation int64) {
	t.Helper()
	u := r.read(t)
	u.SetGeneration(generation)
	if _, err := r.istio.Resource(routes).Namespace("shop").Update(t.Context(), u, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) read(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	u, err := r.istio.Resource(routes).Namespace("shop").Get(t.Context(), "echo", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// conditions returns the conditions of the VirtualService, each as a line.
func (r *rig) conditions(t *testing.T) []string {
	t.Helper()
	list, _, _ := unstructured.NestedSlice(r.read(t).Object, "status", "conditions")
	var lines []string
	for _, item := range list {
		c := item.(map[string]any)
		lines = append(lines, fmt.Sprint(c["type"], "=", c["status"], " ", c["reason"], " of ", c["observedGeneration"]))
	}
	return lines
}

// since returns the transition time of a condition.
func (r *rig) since(t *testing.T, i int) string {
	t.Helper()
	list, _, _ := unstructured.NestedSlice(r.read(t).Object, "status", "conditions")
	return list[i].(map[string]any)["lastTransitionTime"].(string)
}

// events returns the Events in the cluster, each as a line.
func (r *rig) events(t *testing.T) []string {
	t.Helper()
	list, err := r.istio.Resource(events).Namespace("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range list.Items {
		regarding, _, _ := unstructured.NestedString(e.Object, "regarding", "name")
		lines = append(lines, fmt.Sprint(e.Object["type"], " ", e.Object["reason"], " ", regarding, " by ", e.Object["reportingInstance"]))
	}
	return lines
}

// writes returns the numbers of status updates and of other requests to objects so far.
func (r *rig) writes() (writes, requests int) {
	for _, a := range r.istio.Actions() {
		if a.GetResource().Group != routes.Group {
			continue
		}
		if a.GetSubresource() == "status" {
			writes++
		}
		requests++
	}
	return writes, requests
}

func (r *rig) writer(ctx context.Context, identity string) (stop func()) {
	return r.writerWith(ctx, identity, r.istio)
}

func (r *rig) writerWith(ctx context.Context, identity string, client dynamic.Interface) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	w := status.New(status.Options{
		Store: r.store, Dynamic: client, LeaseNamespace: "mizzen-system", LeaseName: "mizzen", Identity: identity,
		Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
	})
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return sync.OnceFunc(func() { cancel(); <-done })
}

func same[T any](t *testing.T, when string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		const foreign = "Reconciled=True <nil> of 1"
		same(t, "at first", r.conditions(t), []string{foreign, "mizzen.dev/Accepted=True Accepted of 1", "mizzen.dev/Programmed=True Programmed of 1"})
		same(t, "events at first", r.events(t), nil)
		writes, requests := r.writes()
		programmed := r.since(t, 2)

		// Nothing changes, except that clients connect and leave.
		for range 60 {
			r.store.Open(serving.ClientInfoOf(nil, "", ""), nil).Close()
			wait(time.Second)
		}
		nowWrites, nowRequests := r.writes()
		same(t, "requests while nothing changes", [2]int{nowWrites, nowRequests}, [2]int{writes, requests + 1}) // the request of the test itself

		r.edit(t, 2)
		r.serve(t, 2, bad)
		wait(8 * time.Second)
		same(t, "a bad edit", r.conditions(t), []string{foreign, "mizzen.dev/Accepted=False Unsupported of 2", "mizzen.dev/Programmed=True Programmed of 2"})
		same(t, "events of a bad edit", r.events(t), []string{"Warning Unsupported echo by a"})
		if r.since(t, 2) != programmed {
			t.Error("the transition time of an unchanged condition has changed")
		}
		if r.since(t, 1) == programmed {
			t.Error("the transition time of a changed condition has not changed")
		}

		r.edit(t, 3)
		r.serve(t, 2, good)
		wait(8 * time.Second)
		same(t, "the World lags", r.conditions(t)[1], "mizzen.dev/Accepted=False Unsupported of 2")
		r.serve(t, 3, good)
		wait(8 * time.Second)
		same(t, "mended", r.conditions(t)[1], "mizzen.dev/Accepted=True Accepted of 3")

		r.publish(t)
		wait(8 * time.Second)
		same(t, "no longer of the mesh", r.conditions(t), []string{foreign})
	})
}

func TestTransientStatesAreNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		writes, _ := r.writes()
		for i := range 40 {
			r.serve(t, 1, []string{good, bad}[i%2])
			wait(700 * time.Millisecond)
		}
		r.serve(t, 1, good)
		wait(8 * time.Second)
		if now, _ := r.writes(); now > writes+7 {
			t.Errorf("%d updates for states that lasted less than two reconciliations", now-writes)
		}
	})
}

func TestConditionsThatOthersRemovedComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		u := r.read(t)
		unstructured.RemoveNestedField(u.Object, "status")
		if _, err := r.istio.Resource(routes).Namespace("shop").Update(t.Context(), u, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		wait(11 * time.Minute)
		same(t, "later", len(r.conditions(t)), 2)
	})
}

func TestOneReplicaWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stopA := r.writer(t.Context(), "a")
		wait(8 * time.Second)
		stopB := r.writer(t.Context(), "b")
		defer stopB()
		r.edit(t, 2)
		r.serve(t, 2, bad)
		wait(20 * time.Second)
		same(t, "events", r.events(t), []string{"Warning Unsupported echo by a"})
		writes, _ := r.writes()
		same(t, "updates", writes, 2)

		stopA()
		wait(8 * time.Second)
		same(t, "updates after the hand-over", func() int { n, _ := r.writes(); return n }(), writes)
		same(t, "events after the hand-over", len(r.events(t)), 1)
		r.edit(t, 3)
		r.serve(t, 3, good)
		wait(8 * time.Second)
		same(t, "by the new leader", r.conditions(t)[1], "mizzen.dev/Accepted=True Accepted of 3")
	})
}

// TestLostLeaseStopsReconciliation: with many objects to write, another replica may lead before all are written.
func TestLostLeaseStopsReconciliation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const rules = 400
		objects := make([]string, rules)
		for i := range objects {
			objects[i] = strings.Replace(fmt.Sprintf(route, 1, good), "name: echo", fmt.Sprintf("name: echo-%d", i), 1)
			if _, err := r.istio.Resource(routes).Namespace("shop").Create(t.Context(), object(t, objects[i]), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		r.publish(t, objects...)
		var lost atomic.Bool
		// The fake client does not report conflicts.
		r.istio.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
			return lost.Load(), nil, apierrors.NewConflict(leases.GroupResource(), "mizzen", nil)
		})
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(4 * time.Second)
		lease, err := r.istio.Resource(leases).Namespace("mizzen-system").Get(t.Context(), "mizzen", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for field, value := range map[string]any{"holderIdentity": "b", "leaseDurationSeconds": int64(3600)} {
			if err := unstructured.SetNestedField(lease.Object, value, "spec", field); err != nil {
				t.Fatal(err)
			}
		}
		lost.Store(true)
		if err := r.istio.Tracker().Update(leases, lease, "mizzen-system"); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		if writes, _ := r.writes(); writes == 0 || writes > rules/2 {
			t.Errorf("got %d of %d rules written, want some, but not all, because another replica leads", writes, rules)
		}
	})
}

func TestMissingRightsAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.istio.PrependReactor("update", "virtualservices", func(a clienttesting.Action) (bool, runtime.Object, error) {
			return a.GetSubresource() == "status", nil, apierrors.NewForbidden(routes.GroupResource(), "echo", nil)
		})
		stop := r.writer(t.Context(), "a")
		wait(5 * time.Minute)
		stop()
		if n := strings.Count(r.log.String(), "level=WARN"); n != 1 {
			t.Errorf("got %d warnings, want 1:\n%s", n, r.log.String())
		}
		if writes, _ := r.writes(); writes > 32 {
			t.Errorf("%d attempts in five minutes", writes)
		}
	})
}

func TestWithoutEventsConditionsAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.istio.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", nil)
		})
		r.serve(t, 1, bad)
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		same(t, "condition", r.conditions(t)[1], "mizzen.dev/Accepted=False Unsupported of 1")
	})
}

// rejectingStore is a Store with a client that rejects the resources of the VirtualService.
type rejectingStore struct{ *serving.Store }

func (r rejectingStore) ObjectSyncs() []serving.ObjectSync {
	return []serving.ObjectSync{{
		Object:  mesh.Ref{Kind: "VirtualService", Namespace: "shop", Name: "echo"},
		Clients: 1, Refusals: []string{"gRPC Go 1.60.0 rejected RouteConfiguration x: no"},
	}}
}

// conflicts makes updates of the Lease conflict as an API server does, which the fake client does not.
func (r *rig) conflicts() {
	version := 0
	r.istio.PrependReactor("update", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		update, _ := a.(clienttesting.UpdateAction)
		now, _ := update.GetObject().DeepCopyObject().(*unstructured.Unstructured)
		object, err := r.istio.Tracker().Get(leases, a.GetNamespace(), now.GetName())
		if err != nil {
			return true, nil, err
		}
		if before, _ := object.(*unstructured.Unstructured); before.GetResourceVersion() != now.GetResourceVersion() {
			return true, nil, apierrors.NewConflict(leases.GroupResource(), now.GetName(), nil)
		}
		version++
		now.SetResourceVersion(fmt.Sprint(version))
		return true, now, r.istio.Tracker().Update(leases, now, a.GetNamespace())
	})
}

// told returns the annotations of the Lease.
func (r *rig) told(t *testing.T) int {
	t.Helper()
	lease, err := r.istio.Resource(leases).Namespace("mizzen-system").Get(t.Context(), "mizzen", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(lease.GetAnnotations())
}

// TestEachReplicaReportsRejectionsOfItsClients: the condition is about the clients of all replicas, and each replica writes
// the Events of its own. A replica that dies is forgotten.
func TestEachReplicaReportsRejectionsOfItsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.conflicts()
		stopA := r.writer(t.Context(), "a")
		defer stopA()
		wait(8 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		b := status.New(status.Options{
			Store: rejectingStore{r.store}, Dynamic: r.istio, LeaseNamespace: "mizzen-system", LeaseName: "mizzen", Identity: "b",
			Logger: slog.New(slog.DiscardHandler),
		})
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		wait(30 * time.Second)
		same(t, "events", r.events(t), []string{"Warning Refused echo by b"})
		same(t, "condition, of which the other replica tells the leader", r.conditions(t)[2], "mizzen.dev/Programmed=False Refused of 1")
		same(t, "what the leader is told", r.told(t), 1)
		writes, _ := r.writes()
		wait(5 * time.Minute)
		now, _ := r.writes()
		same(t, "writes while nothing changes", now, writes)
		same(t, "what the leader is told later", r.told(t), 1)

		stopA()
		wait(30 * time.Second)
		same(t, "condition once the replica leads", r.conditions(t)[2], "mizzen.dev/Programmed=False Refused of 1")
		same(t, "events once the replica leads", len(r.events(t)), 1)
		same(t, "what is told once it leads", r.told(t), 0)
		stopA = r.writer(t.Context(), "a")
		defer stopA()
		wait(8 * time.Second)
		cancel()
		<-done
		wait(30 * time.Second)
		same(t, "condition once the client is gone with its replica", r.conditions(t)[2], "mizzen.dev/Programmed=True Programmed of 1")
	})
}

// encrypted is a DestinationRule with a generation and a TLS mode.
const encrypted = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: echo, namespace: shop, generation: %d}, ` +
	`spec: {host: echo, trafficPolicy: {tls: {mode: %s}}}}`

// TestErrorsOfClients: an error that concerns connected clients turns Programmed to False and causes an Event. When the
// client has gone, or the rule or the client was mended, it turns to True.
func TestErrorsOfClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		rules := r.istio.Resource(routes.GroupVersion().WithResource("destinationrules")).Namespace("shop")
		if _, err := rules.Create(t.Context(), object(t, fmt.Sprintf(encrypted, 1, "ISTIO_MUTUAL")), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		r.publish(t, fmt.Sprintf(route, 1, good), fmt.Sprintf(encrypted, 1, "ISTIO_MUTUAL"))
		stop := r.writer(t.Context(), "a")
		defer stop()
		connect := func(providers string) *serving.Session {
			session := r.store.Open(serving.ClientInfo{NodeID: "n", Client: mesh.Client{Namespace: "shop", Providers: mesh.MakeProviders(providers)}}, nil)
			request := &serving.Request{Type: snapshot.ClusterType, Names: []string{"outbound|80||echo.shop.svc.cluster.local"}}
			session.Request(request)
			request.Nonce = session.Next().Nonce
			session.Request(request)
			return session
		}
		expect := func(when, accepted, programmed string, events int) {
			t.Helper()
			wait(8 * time.Second)
			rule, err := rules.Get(t.Context(), "echo", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			list, _, _ := unstructured.NestedSlice(rule.Object, "status", "conditions")
			var got []string
			for _, item := range list {
				c := item.(map[string]any)
				got = append(got, fmt.Sprint(c["status"], " ", c["reason"]))
			}
			same(t, when, got, []string{accepted, programmed})
			same(t, when+": conditions of the other rule", r.conditions(t)[1:], []string{"mizzen.dev/Accepted=True Accepted of 1", "mizzen.dev/Programmed=True Programmed of 1"})
			same(t, when+": events", append([]string{}, r.events(t)...), slices.Repeat([]string{"Warning NoCertificate echo by a"}, events))
		}
		const remarks, programmed = "True AcceptedWithRemarks", "True Programmed"
		expect("no client", remarks, programmed, 0)
		able := connect("default")
		defer able.Close()
		expect("a client with certificates", remarks, programmed, 0)
		unable := connect("")
		expect("a client without certificates", remarks, "False NoCertificate", 1)
		writes, _ := r.writes()
		other := connect("")
		wait(8 * time.Second)
		if now, _ := r.writes(); now != writes {
			t.Errorf("%d writes for another client of the same kind", now-writes)
		}
		unable.Close()
		other.Close()
		expect("that client has gone", remarks, programmed, 1)
		unable = connect("")
		defer unable.Close()
		expect("it is back", remarks, "False NoCertificate", 2)

		if _, err := rules.Update(t.Context(), object(t, fmt.Sprintf(encrypted, 2, "DISABLE")), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		r.publish(t, fmt.Sprintf(route, 1, good), fmt.Sprintf(encrypted, 2, "DISABLE"))
		for response := unable.Next(); response != nil; response = unable.Next() {
			unable.Request(&serving.Request{Type: response.Type, Names: []string{response.Resources[0].Name}, Nonce: response.Nonce})
		}
		for response := able.Next(); response != nil; response = able.Next() {
			able.Request(&serving.Request{Type: response.Type, Names: []string{response.Resources[0].Name}, Nonce: response.Nonce})
		}
		expect("the rule was mended", "True Accepted", programmed, 2)
	})
}

// TestGenerationsAreNumbers: kubectl compares observedGeneration with metadata.generation only if it is a number. A
// condition of an older release, in which it is a string, is written again.
func TestGenerationsAreNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		generations := func() (all []any) {
			list, _, _ := unstructured.NestedSlice(r.read(t).Object, "status", "conditions")
			for _, item := range list {
				all = append(all, item.(map[string]any)["observedGeneration"])
			}
			return all
		}
		stop := r.writer(t.Context(), "a")
		wait(8 * time.Second)
		stop()
		same(t, "at first", generations(), []any{"1", int64(1), int64(1)})

		u := r.read(t)
		list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		for _, item := range list {
			item.(map[string]any)["observedGeneration"] = "1"
		}
		if err := unstructured.SetNestedSlice(u.Object, list, "status", "conditions"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.istio.Resource(routes).Namespace("shop").Update(t.Context(), u, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		stop = r.writer(t.Context(), "b")
		defer stop()
		wait(30 * time.Second)
		same(t, "after an older release", generations(), []any{"1", int64(1), int64(1)})
	})
}

// TestReplicaThatDiesIsForgotten: what a replica told expires if it does not tell it again.
func TestReplicaThatDiesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.conflicts()
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		const key = "mizzen.dev/clients-of-0000000000000001"
		lease, err := r.istio.Resource(leases).Namespace("mizzen-system").Get(t.Context(), "mizzen", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		lease.SetAnnotations(map[string]string{
			"example.com/a": "b", "mizzen.dev/clients-of-0000000000000002": "{",
			key: `{"replica":"b","findings":[{"object":{"kind":"VirtualService","namespace":"shop","name":"echo"},"generation":1,"reason":"NoCertificate","lines":["x"]},
				{"object":{"kind":"VirtualService","namespace":"shop","name":"gone"},"generation":1,"reason":"NoCertificate","lines":["x"]}]}`,
		})
		if _, err := r.istio.Resource(leases).Namespace("mizzen-system").Update(t.Context(), lease, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Second)
		same(t, "what it told", r.conditions(t)[2], "mizzen.dev/Programmed=False NoCertificate of 1")
		r.edit(t, 2)
		r.serve(t, 2, good)
		wait(10 * time.Second)
		same(t, "what it told of an older version", r.conditions(t)[2], "mizzen.dev/Programmed=True Programmed of 2")
		r.edit(t, 1)
		r.serve(t, 1, good)
		wait(40 * time.Second)
		same(t, "long after it died", r.conditions(t)[2], "mizzen.dev/Programmed=True Programmed of 1")
		same(t, "what is left", r.told(t), 1)
	})
}
