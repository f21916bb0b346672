package serving_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestPublications counts what an edit changes and whom it reaches: changes of endpoints are not told.
func TestPublications(t *testing.T) {
	var told []*serving.Publication
	store := serving.NewStore(serving.Options{Published: func(p *serving.Publication) { told = append(told, p) }})
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	first, second, third := newClient(t, store, "demo"), newClient(t, store, "demo"), newClient(t, store, "demo")
	if len(told) != 1 || told[0].Before != nil {
		t.Fatalf("the first World: told %d", len(told))
	}

	const endpoint = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
`
	store.Publish(snapshottest.Load(t, append(limited(7, 5, 1), endpoint)))
	for _, c := range []*client{first, second, third} {
		c.settle(t)
	}
	if len(told) != 1 {
		t.Fatalf("an endpoint came: told %d Worlds of another configuration", len(told)-1)
	}

	store.Publish(snapshottest.Load(t, append(limited(8, 5, 1), endpoint)))
	if len(told) != 2 || told[1].Before == nil {
		t.Fatalf("an edit: told %d", len(told))
	}
	effect := told[1].Effect
	if diff := cmp.Diff([]serving.ResourceID{{Type: "Cluster", Name: echoCluster}}, effect.TakeResources()); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	expect := func(when string, want serving.Reach) {
		t.Helper()
		if got := effect.Reach(); got != want {
			t.Errorf("%s: got %+v, want %+v", when, got, want)
		}
	}
	expect("nothing is answered", serving.Reach{Pending: 3})
	first.settle(t)
	expect("one has acknowledged it", serving.Reach{Clients: 1, Pending: 2})
	second.reject(t, "bad "+echoCluster+": no")
	expect("one has rejected it", serving.Reach{Clients: 1, Refused: 1, Pending: 1})
	third.session.Close()
	expect("the last one has left", serving.Reach{Clients: 1, Refused: 1})
}

// TestPublicationOfARollout counts the clients that get a change when it is promoted for the generation that has it, and those that get
// the version before back for none.
func TestPublicationOfARollout(t *testing.T) {
	var told []*serving.Publication
	store := serving.NewStore(serving.Options{Published: func(p *serving.Publication) { told = append(told, p) }})
	store.Publish(snapshottest.Load(t, limited(7, 5, 1)))
	c := newClient(t, store, "demo")
	c.settle(t)
	of := func(name string) mesh.Ref { return mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: name} }
	// publish publishes the objects, as what clients follow, in a World with the configuration of others.
	publish := func(configuration, followed []string, rollouts ...*mesh.Rollout) {
		w := *snapshottest.Load(t, followed)
		w.Configuration, w.Rollouts = snapshottest.Load(t, configuration).Configuration, rollouts
		store.Publish(&w)
		c.settle(t)
	}
	expect := func(generation, want int) {
		t.Helper()
		if len(told) <= generation || told[generation].Effect.Reach() != (serving.Reach{Clients: want}) {
			t.Fatalf("told %d, generation %d: want %d clients", len(told), generation, want)
		}
	}
	running := &mesh.Rollout{Object: of("echo"), Stage: mesh.RolloutRunning, Candidate: "8"}
	publish(limited(8, 5, 1), limited(7, 5, 1), running)
	expect(1, 0)
	publish(limited(8, 6, 1), limited(7, 6, 1), running) // Another edit, which all clients follow at once.
	expect(2, 1)
	publish(limited(8, 6, 1), limited(8, 6, 1), &mesh.Rollout{Object: of("echo"), Stage: mesh.RolloutNone})
	expect(1, 1)
	expect(2, 1)

	running.Candidate = "9"
	publish(limited(9, 6, 1), limited(9, 6, 1), running)
	expect(3, 1)
	publish(limited(9, 6, 1), limited(8, 6, 1), &mesh.Rollout{Object: of("echo"), Stage: mesh.RolloutAborted, Candidate: "9"})
	expect(3, 1)
	if len(told) != 4 {
		t.Errorf("told %d generations, want 4", len(told))
	}
}
