package serving_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
