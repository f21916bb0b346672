//go:build e2e

package install_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

// counted is a Service of the pods of v2, whose clients report, and a workload that calls it 300 times.
const counted = `
apiVersion: v1
kind: Service
metadata: {name: counted, annotations: {mizzen.dev/load-reports: "true"}}
spec: {selector: {app: echo, version: v2}, ports: [{name: grpc, port: 80, targetPort: grpc}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: counting}
spec:
  selector: {matchLabels: {app: counting}}
  template:
    metadata: {labels: {app: counting}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: app, image: ` + appImage + `, imagePullPolicy: Never, args: [calls, "xds:///counted:80", "300"]}]
`

// edges compares what a client of a new workload reports about each zone with what the pods there count. No other client calls these
// pods.
func (l *installation) edges(t *testing.T) {
	t.Helper()
	before := l.served(t)
	l.c.Apply(t, l.ns, counted)
	l.c.AwaitRollout(t, l.ns, "deployment/counting")
	l.c.Await(t, "the client has reported its calls", func() error {
		want, got, all := l.served(t), map[string]uint64{}, uint64(0)
		for zone, n := range before {
			want[zone] -= n
		}
		for _, e := range l.inspectEdges(t) {
			to := load.Destination{Service: "counted", Namespace: l.ns, Port: 80}
			if e.Source != (load.Source{Namespace: l.ns, Workload: "counting"}) || e.Destination != to || e.Errors != 0 {
				return fmt.Errorf("got the edge %+v", e)
			}
			got[e.Zone] += e.Calls
			all += e.Calls
		}
		if diff := cmp.Diff(want, got); diff != "" || all != 300 {
			return fmt.Errorf("got %d calls, by zone (-pods +edges):\n%s", all, diff)
		}
		return nil
	})
	for _, replica := range l.replicas(t) {
		address, stop := l.shown(t, "--replica", replica)
		var edges []load.Edge
		text := read(t, strings.TrimSuffix(address, "ui/")+"api/edges")
		if err := json.Unmarshal([]byte(text), &edges); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		all := uint64(0)
		for _, e := range edges {
			if e.Source == (load.Source{Namespace: l.ns, Workload: "counting"}) {
				all += e.Calls
			}
		}
		if all != 300 {
			t.Errorf("/api/edges of %s has %d calls, want the 300 of the clients of all replicas:\n%s", replica, all, text)
		}
		stop()
	}
}

// inspectEdges returns the edges from and to the namespace, of all replicas.
func (l *installation) inspectEdges(t *testing.T) []load.Edge {
	t.Helper()
	text := l.c.Run(t, l.c.Binary(planeImage), "inspect", "edges", "-n", l.ns, "--output", "json", "--kubeconfig", l.c.Kubeconfig)
	var edges []load.Edge
	if err := json.Unmarshal([]byte(text), &edges); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return edges
}

// served returns how many calls the pods of v2 in each zone have answered.
func (l *installation) served(t *testing.T) map[string]uint64 {
	t.Helper()
	pods, err := l.c.Core.CoreV1().Pods(l.ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=echo,version=v2"})
	if err != nil {
		t.Fatal(err)
	}
	zones := map[string]uint64{}
	for _, pod := range pods.Items {
		var answer struct{ Served uint64 }
		text := l.c.Run(t, "curl", "--silent", "--show-error", "http://"+pod.Status.PodIP+":8080")
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		zones[map[string]string{"node-0": "zone-a", "node-1": "zone-b"}[pod.Spec.NodeName]] += answer.Served
	}
	return zones
}
