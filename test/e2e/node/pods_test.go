//go:build e2e

package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// echo is a Deployment with a pod in each zone, two Services for it, and a pod to call from.
const echo = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: echo}}}
      containers:
      - name: app
        image: ` + appImage + `
        imagePullPolicy: Never
        args: [serve]
        ports: [{name: grpc, containerPort: 50051}]
        readinessProbe: {grpc: {port: 50051}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {selector: {app: echo}, ports: [{name: grpc, port: 80, targetPort: grpc}]}
---
apiVersion: v1
kind: Service
metadata: {name: echo-pods}
spec: {clusterIP: None, selector: {app: echo}, ports: [{name: grpc, port: 50051}]}
---
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec:
  containers: [{name: app, image: ` + appImage + `, imagePullPolicy: Never, args: [idle]}]
`

// TestPodsReachEachOther checks what all other tests here need: pods are spread over the zones and become endpoints,
// and they can be reached by name and by address, by the Service and directly, from a pod, from the node and from the
// test.
func TestPodsReachEachOther(t *testing.T) {
	c := node.Up(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, echo)
	c.AwaitRollout(t, ns, "deployment/echo")
	c.AwaitReady(t, ns, "pod/caller")

	endpoints := awaitEndpoints(t, c, ns)
	var zones, pods []string
	for _, e := range endpoints {
		zones, pods = append(zones, *e.Zone), append(pods, e.TargetRef.Name)
	}
	slices.Sort(zones)
	slices.Sort(pods)
	if want := []string{"zone-a", "zone-b"}; !slices.Equal(zones, want) {
		t.Errorf("zones of the pods: got %v, want %v", zones, want)
	}

	fromPod := func(target, count string) string { return c.Exec(t, ns, "caller", "/app", "call", target, count) }
	c.Await(t, "both pods answer", func() error {
		if got := answering(fromPod("dns:///echo-pods:50051", "20")); !slices.Equal(got, pods) {
			return fmt.Errorf("got %v, want %v", got, pods)
		}
		return nil
	})
	for name, answer := range map[string]string{
		"a pod, by the Service": fromPod("dns:///echo:80", "1"),
		"the node, by name":     c.Run(t, c.Binary(appImage), "call", "dns:///echo."+ns+".svc.cluster.local:80", "1"),
	} {
		if got := answering(answer); len(got) != 1 || !slices.Contains(pods, got[0]) {
			t.Errorf("from %s: got an answer of %v, want one of %v", name, got, pods)
		}
	}
	for _, e := range endpoints {
		answer := fromPod(e.Addresses[0]+":50051", "1")
		if got, want := answering(answer), []string{e.TargetRef.Name}; !slices.Equal(got, want) {
			t.Errorf("from a pod to %s: got an answer of %v, want %v", e.Addresses[0], got, want)
		}
		log := c.Logs(t, ns, e.TargetRef.Name)
		if want := "serving " + e.TargetRef.Name; !strings.Contains(log, want) {
			t.Errorf("log of %s: got %q, want it to contain %q", e.TargetRef.Name, log, want)
		}
	}
}

// awaitEndpoints waits until both pods are ready endpoints of the Service, and returns them.
func awaitEndpoints(t *testing.T, c *node.Cluster, namespace string) (endpoints []discoveryv1.Endpoint) {
	t.Helper()
	options := metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=echo"}
	c.Await(t, "two ready endpoints", func() error {
		slices, err := c.Core.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), options)
		if err != nil {
			return err
		}
		endpoints = nil
		for _, s := range slices.Items {
			for _, e := range s.Endpoints {
				if *e.Conditions.Ready {
					endpoints = append(endpoints, e)
				}
			}
		}
		if len(endpoints) != 2 {
			return fmt.Errorf("got %d", len(endpoints))
		}
		return nil
	})
	return endpoints
}

// answering returns the pods in the output of `app call`.
func answering(output string) (pods []string) {
	for line := range strings.Lines(output) {
		pod, _, _ := strings.Cut(line, " ")
		pods = append(pods, pod)
	}
	return pods
}
