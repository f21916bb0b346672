package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const shard = `apiVersion: v1
kind: Service
metadata: {name: shard, namespace: depot%s}
spec: {clusterIP: None, ports: [{name: grpc, port: 7400}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shard-x, namespace: depot, labels: {kubernetes.io/service-name: shard}}
addressType: IPv4
ports: [{name: grpc, port: 7400}]
endpoints: [{addresses: [10.20.2.1], hostname: shard-0}, {addresses: [10.20.2.2]}]
`

// shardZero is a Service whose name in its namespace is the short name of a pod.
const shardZero = `apiVersion: v1
kind: Service
metadata: {name: shard-0, namespace: shard}
spec: {ports: [{name: grpc, port: 7400}]}
`

// TestNamesOfPods dials the pods of a headless Service in every spelling that cluster DNS completes.
func TestNamesOfPods(t *testing.T) {
	tests := map[string]struct {
		namespace string
		exists    bool
	}{
		"shard-0.shard":                               {"depot", true},
		"shard-0.shard:7400":                          {"depot", true},
		"shard-0.shard:grpc":                          {"depot", true},
		"10-20-2-2.shard":                             {"depot", true},
		"shard-0.shard.depot":                         {"shop", true},
		"shard-0.shard.depot.svc:7400":                {"shop", true},
		"shard-0.shard.depot.svc.cluster.local":       {"shop", true},
		"shard-0.shard.depot.svc.cluster.local.:7400": {"shop", true},
		"shard-0.shard:7401":                          {"depot", false},
		"shard-1.shard":                               {"depot", false},
		"shard-0.other":                               {"depot", false},
		"shard-0":                                     {"depot", false},
		"shard-0.shard.":                              {"depot", false}, // a full name, which nothing completes
	}
	s := snapshot.New(snapshottest.Load(t, []string{sprintShard("")}))
	for name, test := range tests {
		if got := exists(s, name, test.namespace); got != test.exists {
			t.Errorf("%s dialed from %s: exists %t, want %t", name, test.namespace, got, test.exists)
		}
	}
	if exists(s, "shard-0.shard", "shop") {
		t.Error("shard-0.shard exists for a client of another namespace")
	}

	s = snapshot.New(snapshottest.Load(t, []string{sprintShard(""), shardZero}))
	v := s.Resource(snapshot.ListenerType, "shard-0.shard", mesh.Client{Namespace: "depot"})
	if len(v.Refs) != 1 || v.Refs[0].Namespace != "shard" {
		t.Errorf("the Service shard-0 in namespace shard does not take precedence: got %v", v.Refs)
	}
}

// TestServiceIsNotExported hides a Service from another namespace, by each of its names.
func TestServiceIsNotExported(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{sprintShard(`, annotations: {networking.istio.io/exportTo: "."}`)}))
	for _, name := range []string{"shard.depot", "shard-0.shard.depot"} {
		if !exists(s, name, "depot") {
			t.Errorf("%s does not exist for its own namespace", name)
		}
		if exists(s, name, "shop") {
			t.Errorf("%s exists for a client of another namespace", name)
		}
	}
	for _, typ := range snapshot.Types {
		if names := s.Names(typ, mesh.Client{Namespace: "shop"}); len(names) > 0 {
			t.Errorf("%s: a wildcard of another namespace has %v", typ.ShortName(), names)
		}
		if typ == snapshot.ListenerType {
			continue
		}
		v := s.Resource(typ, "outbound|7400||shard.depot.svc.cluster.local", mesh.Client{Namespace: "shop"})
		if v != nil && !v.NotFound {
			t.Errorf("%s exists for a client of another namespace", typ.ShortName())
		}
	}
}

func sprintShard(annotations string) string { return fmt.Sprintf(shard, annotations) }

func exists(s *snapshot.Snapshot, name, namespace string) bool {
	v := s.Resource(snapshot.ListenerType, name, mesh.Client{Namespace: namespace})
	return v != nil && !v.NotFound
}
