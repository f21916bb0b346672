package serving_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// selective limits the calls of clients with the label app=front to 7.
const selective = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: front, namespace: demo}
spec: {host: echo, workloadSelector: {matchLabels: {app: front}}, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 7}}}}
`

// TestFallbackByLabels has a rule for some clients only, and then an invalid rule for all clients. A client that the
// first rule did not select does not get the fallback of those clients, although all are in one namespace.
func TestFallbackByLabels(t *testing.T) {
	store := serving.NewStore(serving.Options{Check: rejectUnlucky})
	store.Publish(snapshottest.Load(t, append(limited(5, 5, 1), selective)))
	front := newClient(t, store, "demo/front")
	front.limits(t, 7, 5)

	store.Publish(snapshottest.Load(t, limited(13, 5, 1)))
	front.settle(t)
	front.limits(t, 7, 5)
	newClient(t, store, "demo/front").limits(t, 7, 5)
	other := newClient(t, store, "demo")
	if got, want := other.received[snapshot.ClusterType][echoCluster], marshal(t, translate.NotFoundCluster(echoCluster, mesh.Client{}).Message); string(got) != string(want) {
		t.Errorf("a client without the labels got %v, want a cluster in which calls fail", cluster(t, got))
	}
}
