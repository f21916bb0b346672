package snapshot_test

import (
	"fmt"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestBuckets distributes clients evenly over the buckets. Their identity alone decides, so the bucket is the same in
// every process and version.
func TestBuckets(t *testing.T) {
	bucket := func(id string) uint16 { return snapshot.ClientOf(&corev3.Node{Id: id}, "").Bucket }
	if got := bucket(""); got != 0 {
		t.Errorf("without an identity: got bucket %d, want none", got)
	}
	if got := bucket("shop-7d4f9c-x2x8q.demo"); got != 23 {
		t.Errorf("got bucket %d, want 23 as in earlier versions: otherwise an upgrade changes the endpoints of all clients", got)
	}
	counts := map[uint16]int{}
	for i := range 50 * mesh.Buckets {
		counts[bucket(fmt.Sprintf("shop-%d.demo", i))]++
	}
	for b, n := range counts {
		if b < 1 || b > mesh.Buckets || n < 20 || n > 90 {
			t.Errorf("got %d clients in bucket %d, want about 50 in each of 1 to %d", n, b, mesh.Buckets)
		}
	}
	if len(counts) != mesh.Buckets {
		t.Errorf("got clients in %d buckets, want clients in all %d", len(counts), mesh.Buckets)
	}
}

// TestClientsShareParts shares endpoints among the clients of a bucket where subsetting is in effect, and among all
// clients otherwise.
func TestClientsShareParts(t *testing.T) {
	const text = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME, namespace: demo, annotations: {mizzen.dev/subset-size: 'SIZE'}}\nspec: {ports: [{name: grpc, port: 8080}]}\n" +
		"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: NAME-1, namespace: demo, labels: {kubernetes.io/service-name: NAME}}\n" +
		"addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}]\n"
	s := snapshot.New(snapshottest.Load(t, []string{strings.NewReplacer("NAME", "part", "SIZE", "2").Replace(text), strings.NewReplacer("NAME", "whole", "SIZE", "3").Replace(text)}))
	answers := func(name string) (versions map[string]bool, made map[*snapshot.Versioned]bool) {
		versions, made = map[string]bool{}, map[*snapshot.Versioned]bool{}
		for bucket := range uint16(100) {
			v := s.Resource(snapshot.EndpointType, "outbound|8080||"+name+".demo.svc.cluster.local", mesh.Client{Bucket: bucket})
			versions[v.Version], made[v] = true, true
		}
		return versions, made
	}
	// All three without a bucket, and each of the three pairs.
	if versions, _ := answers("part"); len(versions) != 4 {
		t.Errorf("2 of 3: got %d different answers, want 4", len(versions))
	}
	if _, made := answers("whole"); len(made) != 1 {
		t.Errorf("3 of 3: %d answers were made, want 1", len(made))
	}
}
