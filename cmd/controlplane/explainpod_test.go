package main

import (
	"strings"
	"testing"
)

// TestExplainPodWithCertificate: a pod that is not connected calls as its labels say.
func TestExplainPodWithCertificate(t *testing.T) {
	const objects = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: grpc, port: 50051}], selector: {app: cart}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: cart, namespace: shop}}]
---
apiVersion: v1
kind: Pod
metadata: {name: cart, namespace: shop, labels: {app: cart, mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}
spec: {serviceAccountName: cart, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: certified, namespace: web, labels: {mizzen.dev/identity: spiffe}}
spec: {serviceAccountName: front, containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: web}
spec: {serviceAccountName: front, containers: [{name: a, image: a}]}
`
	for pod, want := range map[string]struct {
		code int
		text string
	}{
		"web/certified": {exitOK, "takes mTLS, allows"},
		"web/plain":     {exitFailure, "declares no certificate provider"},
	} {
		got := command(t.Context(), objects, "explain", "-f", "-", "--pod", pod, "--to", "cart.shop:50051", "--call", "/a.B/C")
		if got.code != want.code || !strings.Contains(got.stdout, want.text) {
			t.Errorf("%s: got %+v, want exit code %d and %q", pod, got, want.code, want.text)
		}
	}
}
