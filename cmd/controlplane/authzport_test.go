package main

import (
	"strings"
	"testing"
)

// TestAuthzTargetPort has a Service whose port is not that of its pods, without EndpointSlices. Policies are about the
// port of the pods.
func TestAuthzTargetPort(t *testing.T) {
	const service = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{port: 80, targetPort: TARGET}], selector: {app: cart}}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: cart, mizzen.dev/identity: spiffe, mizzen.dev/server: xds}}
spec: {serviceAccountName: cart, containers: [{name: a, image: a}]}
---
`
	const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: port, namespace: shop}
spec: {action: DENY, rules: [RULE]}
`
	const mode = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: port, namespace: shop}
spec: {selector: {matchLabels: {app: cart}}, portLevelMtls: {50051: {mode: DISABLE}}}
---
` + policy
	for name, test := range map[string]struct {
		target, objects, rule string
		code                  int
		reason                string
	}{
		"the pods' port":            {"50051", policy, `{to: [{operation: {ports: ["50051"]}}]}`, exitFailure, "Rule 0"},
		"the Service's port":        {"50051", policy, `{to: [{operation: {ports: ["80"]}}]}`, exitOK, ""},
		"a condition":               {"50051", policy, `{when: [{key: destination.port, values: ["50051"]}]}`, exitFailure, "Rule 0"},
		"the mode of the port":      {"50051", mode, `{from: [{source: {namespaces: [other]}}]}`, exitFailure, "accepts plaintext"},
		"a name":                    {"grpc", policy, `{to: [{operation: {ports: ["50051"]}}]}`, exitFailure, "EndpointSlices"},
		"a name and a negation":     {"grpc", policy, `{to: [{operation: {notPorts: ["50051"]}}]}`, exitFailure, "EndpointSlices"},
		"a name and a mode":         {"grpc", mode, `{from: [{source: {namespaces: [other]}}]}`, exitFailure, "EndpointSlices"},
		"a name, and no port rules": {"grpc", policy, `{from: [{source: {namespaces: [other]}}]}`, exitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			objects := strings.Replace(service, "TARGET", test.target, 1) + strings.Replace(test.objects, "RULE", test.rule, 1)
			got := command(t.Context(), objects, "authz", "explain", "-f", "-", "--from", "shop/web", "--to", "cart.shop:80", "--method", "/a.B/C")
			if got.code != test.code || !strings.Contains(got.stdout, test.reason) {
				t.Errorf("got %+v, want exit code %d and %q", got, test.code, test.reason)
			}
		})
	}
}

// TestAuthzPoliciesAlone decides calls to pods that only the question describes.
func TestAuthzPoliciesAlone(t *testing.T) {
	const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop}
spec: {selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {serviceAccounts: [web/front]}}], to: [{operation: {ports: ["50051"]}}]}]}
`
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"allowed":          {"--from web/front --to cart.shop:50051 --to-labels app=cart", exitOK, "Rule 0"},
		"denied":           {"--from web/other --to cart.shop:50051 --to-labels app=cart", exitFailure, "none matches"},
		"another port":     {"--from web/front --to cart.shop:80 --to-labels app=cart", exitFailure, "none matches"},
		"other pods":       {"--from web/other --to cart.shop:50051 --to-labels app=other", exitOK, "not known"},
		"no labels":        {"--from web/front --to cart.shop:50051", exitUsage, "no Service has the host"},
		"a name of a port": {"--from web/front --to cart.shop:grpc --to-labels app=cart", exitUsage, "no Service has the host"},
		"another domain":   {"--from web/front --to cart.example.org:50051 --to-labels app=cart", exitUsage, "no Service has the host"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"authz", "explain", "-f", "-", "--method", "/a.B/C"}, strings.Fields(test.args)...)
			if got := command(t.Context(), policy, args...); got.code != test.code || !strings.Contains(got.stdout+got.err, test.want) {
				t.Errorf("got %+v, want exit code %d and %q", got, test.code, test.want)
			}
		})
	}
}
