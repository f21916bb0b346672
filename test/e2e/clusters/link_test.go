//go:build e2e

package clusters_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// lonely is a pod that serves, without a Service.
const lonely = `
apiVersion: v1
kind: Pod
metadata: {name: echo}
spec:
  containers:
  - {name: app, image: ` + appImage + `, imagePullPolicy: Never, args: [serve], readinessProbe: {grpc: {port: 50051}, periodSeconds: 1}}
`

// TestLink: pods of two clusters reach each other while the clusters are linked, with their own addresses, and one API server
// can be cut off or stopped without the rest.
func TestLink(t *testing.T) {
	clusters := node.UpAll(t)
	a, b := clusters[0], clusters[1]
	unlink := a.Link(t, b)
	address := map[*node.Cluster]string{}
	ns := "link"
	for _, c := range clusters {
		c.CreateNamespace(t, ns)
		c.Apply(t, ns, lonely)
		c.AwaitReady(t, ns, "pod/echo")
		pod, err := c.Core.CoreV1().Pods(ns).Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		address[c] = pod.Status.PodIP
	}
	if address[a] == address[b] {
		t.Fatalf("both pods have the address %s", address[a])
	}
	call := func(from, to *node.Cluster) {
		t.Helper()
		if got := from.Exec(t, ns, "echo", "/app", "call", address[to]+":50051", "1"); !strings.HasPrefix(got, "echo ") {
			t.Errorf("got an answer of %q", got)
		}
	}
	call(a, b)
	call(b, a)
	answers := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := b.Core.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		return err
	}
	for name, begin := range map[string]func() func(){
		"cut":  func() func() { return a.Cut(t, b) },
		"stop": func() func() { return b.Stop(t) },
	} {
		if err := answers(); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		end := begin()
		if err := answers(); err == nil {
			t.Errorf("%s: the API server answers", name)
		}
		call(a, b)
		end()
		b.Await(t, "the API server answers again", answers)
	}
	unlink()
	a.Await(t, "the API server is out of reach", func() error {
		if err := answers(); err == nil {
			return fmt.Errorf("it answers")
		}
		return nil
	})
}
