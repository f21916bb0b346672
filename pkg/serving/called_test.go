package serving_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const idleService = `apiVersion: v1
kind: Service
metadata: {name: idle, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: idle, namespace: demo, labels: {kubernetes.io/service-name: idle}}
addressType: IPv4
ports: [{name: grpc, port: 80}]
endpoints: []
`

// TestIdleServices: a Service without endpoints that no rule names is reported while a client dials it, as a warning.
func TestIdleServices(t *testing.T) {
	world := snapshottest.Load(t, []string{idleService})
	if got := snapshot.New(world).Problems(); len(got) != 1 || got[0].Severity != mesh.Info {
		t.Errorf("got %v of files, want an info", got)
	}
	store := serving.NewStore(serving.Options{})
	store.Publish(world)
	if got := store.Problems(); len(got) > 0 {
		t.Errorf("got %v without clients, want no Problems", got)
	}
	session := store.Open(serving.ClientInfoOf(snapshottest.Node("gRPC Go", "1.85.0"), "", ""), nil)
	session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{"idle.demo"}})
	if got := store.Problems(); len(got) != 1 || got[0].Severity != mesh.Warning || got[0].Code != mesh.CodeNoEndpoints {
		t.Errorf("got %v while a client dials it, want a warning", got)
	}
	session.Close()
	if got := store.Problems(); len(got) > 0 {
		t.Errorf("got %v after the client, want no Problems", got)
	}
}

// TestIdleServiceEntry: the same of the hosts of a ServiceEntry, whose name is not that of the object.
func TestIdleServiceEntry(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, []string{`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger, namespace: demo}
spec:
  hosts: [ledger.example.com, other.example.com]
  resolution: STATIC
  ports: [{number: 80, name: grpc, protocol: GRPC}]
  workloadSelector: {labels: {app: ledger}}
`}))
	if got := store.Problems(); len(got) > 0 {
		t.Errorf("got %v without clients, want no Problems", got)
	}
	session := store.Open(serving.ClientInfoOf(snapshottest.Node("gRPC Go", "1.85.0"), "", ""), nil)
	session.Request(&serving.Request{Type: snapshot.ListenerType, Names: []string{"ledger.example.com"}})
	if got := store.Problems(); len(got) != 1 || got[0].Severity != mesh.Warning || got[0].Code != mesh.CodeNoEndpoints {
		t.Errorf("got %v while a client dials one, want a warning", got)
	}
}
