package assemble

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const podOf10001 = `
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: demo, uid: u1, labels: {app: web}}
spec: {nodeName: n, serviceAccountName: sa}
status: {podIP: 10.0.0.1}
`

var podOptions = Options{Domain: "cluster.local", RootNamespace: "istio-system", Pods: true, Streams: true}

func TestPodsAreListedIfEnabled(t *testing.T) {
	a := New(podOptions)
	w := apply(t, a, podOf10001+`
---
apiVersion: v1
kind: Node
metadata: {name: n, labels: {topology.kubernetes.io/zone: z}}
`)
	want := &mesh.Pod{
		Ref: mesh.Ref{Kind: "Pod", Namespace: "demo", Name: "p"}, UID: "u1", ServiceAccount: "sa", Node: "n",
		Labels: mesh.MakeLabels(map[string]string{"app": "web"}), Locality: mesh.Locality{Zone: "z"}, Addresses: []string{"10.0.0.1"},
		NoBootstrap: true,
	}
	byName, _ := w.PodByName("", "demo", "p")
	byAddress, _ := w.PodByAddress("10.0.0.1")
	if d := cmp.Diff([]*mesh.Pod{want, want}, []*mesh.Pod{byName, byAddress}); d != "" {
		t.Errorf("by name and by address (-want +got):\n%s", d)
	}
	if w = apply(t, newTestAssembler(), podOf10001); w.Pods.Len()+w.PodAddresses.Len() != 0 {
		t.Error("pods are listed though the option is off")
	}
}

func TestAddressOfTwoPodsIsNotListed(t *testing.T) {
	a := New(podOptions)
	w := apply(t, a, podOf10001)
	if _, ok := w.PodByAddress("10.0.0.1"); !ok {
		t.Fatal("the pod is not found by its address")
	}
	w = apply(t, a, `
---
apiVersion: v1
kind: Pod
metadata: {name: q, namespace: other, uid: u2}
status: {podIP: 10.0.0.1}
`)
	if p, ok := w.PodByAddress("10.0.0.1"); ok {
		t.Errorf("the address of two pods is listed for %v", p.Ref)
	}
	a.remove(object.Key{Kind: object.KindPod, Namespace: "other", Name: "q"})
	if p, ok := a.World().PodByAddress("10.0.0.1"); !ok || p.Ref.Name != "p" {
		t.Errorf("after the other pod was removed, the address is listed for %v", p)
	}
	a.remove(object.Key{Kind: object.KindPod, Namespace: "demo", Name: "p"})
	if w = a.World(); w.Pods.Len()+w.PodAddresses.Len() != 0 {
		t.Error("removed pods are listed")
	}
}
