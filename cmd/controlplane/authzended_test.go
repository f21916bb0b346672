package main

import (
	"strings"
	"testing"
)

// TestEndedPods adds a pod of the old revision to a workload that enforces policies. While it is being deleted, or once it
// has finished, no author can do anything about it, so commands print what they print without it.
func TestEndedPods(t *testing.T) {
	const mesh = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: grpc, port: 50051}], selector: {app: cart}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop}
spec: {selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: retired, namespace: shop}
spec: {selector: {matchLabels: {version: old}}, action: DENY, rules: [{}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-new, namespace: shop, labels: {app: cart, mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}
spec: {serviceAccountName: cart, containers: [{name: a, image: a}]}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web-new, namespace: shop, labels: {app: web, mizzen.dev/identity: spiffe}}
spec: {serviceAccountName: web, containers: [{name: a, image: a}]}
status: {phase: Running, podIP: 10.0.0.3}
`
	const slice = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [10.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: cart-new, namespace: shop}}
`
	const oldEndpoint = `- {addresses: [10.0.0.2], conditions: {ready: false, serving: true, terminating: true}, targetRef: {kind: Pod, name: cart-old, namespace: shop}}
`
	const oldPods = `---
apiVersion: v1
kind: Pod
metadata: {name: cart-old, namespace: shop, labels: {app: cart, version: old, mizzen.dev/server: xds}DELETED}
spec: {serviceAccountName: cart, containers: [{name: a, image: a}]}
status: {phase: PHASE, podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: web-old, namespace: shop, labels: {app: web}DELETED}
spec: {serviceAccountName: web, containers: [{name: a, image: a}]}
status: {phase: PHASE, podIP: 10.0.0.4}
`
	const deleted = `, deletionTimestamp: "2026-01-02T03:04:05Z", deletionGracePeriodSeconds: 30`
	for _, args := range []string{
		"authz coverage -f -", "authz coverage -f - -o json", "authz matrix -f -", "check -f -",
		"authz explain -f - --from shop/web --to cart.shop:50051 --method /shop.Cart/Get",
		"authz explain -f - --from shop/other --to cart.shop:50051 --method /shop.Cart/Get",
	} {
		run := func(objects string) string {
			got := command(t.Context(), objects, strings.Fields(args)...)
			return got.stdout + got.err
		}
		// Without slices, the pods that a Service selects are its servers.
		for form, alone := range map[string]string{"with slices": mesh + slice, "without slices": mesh} {
			want := run(alone)
			for name, old := range map[string]struct {
				deleted, phase string
				ended          bool
			}{
				"being deleted": {deleted, "Running", true},
				"succeeded":     {"", "Succeeded", true},
				"failed":        {"", "Failed", true},
				"running":       {"", "Running", false},
			} {
				objects := alone
				if alone != mesh {
					objects += oldEndpoint
				}
				objects += strings.NewReplacer("DELETED", old.deleted, "PHASE", old.phase).Replace(oldPods)
				if got := run(objects); got == want && !old.ended || got != want && old.ended {
					t.Errorf("%s, %s, %s: got\n%s\nwithout the pod\n%s", args, form, name, got, want)
				}
			}
		}
	}
}
