//go:build e2e

package e2e

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type (
	fields = map[string]any
	items  = []any
)

// few is true if a small share of the calls goes to v2, half if about half of them do.
var (
	few  = share("v2", 0.02, 0.30)
	half = share("v2", 0.30, 0.70)
)

var rolloutTools = map[string]rolloutTool{
	"argo-gateway-api":       {canary, argoRoute, argoRouteEdits},
	"argo-istio":             {canary, argoIstio, argoIstioEdits},
	"flagger-gateway-api":    {cookie, flaggerRoute(flaggerWeights(100, 0, flaggerAll, "")), flaggerRouteEdits},
	"flagger-gateway-api-ab": {canary, flaggerAB(100, 0), flaggerABEdits},
	"flagger-istio":          {canary, flaggerIstio(flaggerIstioWeights(100, 0, "")) + flaggerRules, flaggerIstioEdits},
}

// The headers that select the new revision.
var (
	canary = header{"x-canary", "always"}
	cookie = header{"cookie", "flagger-cookie=LpsIaLdoNZ"}
)

// Argo Rollouts, Gateway API plugin: it sets the weights of the backends that are the two Services, keeps a label while a rollout is in
// progress, and appends rules for headers at the end. They win because they have more headers.
const argoRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: echo}
spec:
  parentRefs: [{group: "", kind: Service, name: echo, port: 50051}]
  rules: [{backendRefs: [{name: echo-stable, port: 50051}, {name: echo-canary, port: 50051, weight: 0}]}]
`

func argoWeights(canary int64) func(u *unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		set(u, canary, "spec", "rules", 0, "backendRefs", 1, "weight")
		set(u, 100-canary, "spec", "rules", 0, "backendRefs", 0, "weight")
		labels := map[string]string{"rollouts.argoproj.io/gatewayapi-canary": "in-progress"}
		if canary == 0 {
			labels = nil
		}
		u.SetLabels(labels)
	}
}

var argoRouteEdits = []edit{
	{"weight 0", grpcRoutes, "echo", argoWeights(0), only("v1"), only("v1")},
	{"weight 10", grpcRoutes, "echo", argoWeights(10), few, few},
	{"header route", grpcRoutes, "echo", func(u *unstructured.Unstructured) {
		set(u, append(list(u, "spec", "rules"), fields{
			"matches":     items{fields{"headers": items{fields{"name": "x-canary", "type": "Exact", "value": "always"}}}},
			"backendRefs": items{fields{"group": "", "kind": "Service", "name": "echo-canary", "port": int64(50051)}},
		}), "spec", "rules")
	}, few, only("v2")},
	{"weight 50", grpcRoutes, "echo", argoWeights(50), half, only("v2")},
	{"weight 100", grpcRoutes, "echo", argoWeights(100), only("v2"), only("v2")},
	{"the stable Service selects the new revision", services, "echo-stable", func(u *unstructured.Unstructured) {
		set(u, "v2", "spec", "selector", hashLabel)
	}, only("v2"), only("v2")},
	{"the header route is removed", grpcRoutes, "echo", func(u *unstructured.Unstructured) {
		set(u, slices.Delete(list(u, "spec", "rules"), 1, 2), "spec", "rules")
	}, only("v2"), only("v2")},
	{"weight 0 again", grpcRoutes, "echo", argoWeights(0), only("v2"), only("v2")},
}

// Argo Rollouts, Istio: it sets weights of the subsets, the hash label of each subset in the DestinationRule, and puts rules for headers
// before all others.
const argoIstio = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  subsets: [{name: canary, labels: {app: echo}}, {name: stable, labels: {app: echo}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo}
spec:
  hosts: [echo]
  http:
  - name: primary
    route:
    - {destination: {host: echo, subset: stable}, weight: 100}
    - {destination: {host: echo, subset: canary}, weight: 0}
`

func argoHashes(stable, canary string) func(u *unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		set(u, canary, "spec", "subsets", 0, "labels", hashLabel)
		set(u, stable, "spec", "subsets", 1, "labels", hashLabel)
		u.SetAnnotations(map[string]string{"argo-rollouts.argoproj.io/managed-by-rollouts": "echo"})
	}
}

// argoSubsets sets the weights of the last rule.
func argoSubsets(canary int64) func(u *unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		at := len(list(u, "spec", "http")) - 1
		set(u, 100-canary, "spec", "http", at, "route", 0, "weight")
		set(u, canary, "spec", "http", at, "route", 1, "weight")
	}
}

var argoIstioEdits = []edit{
	{"both subsets are the stable revision", argoRules, "echo", argoHashes("v1", "v1"), only("v1"), only("v1")},
	{"the canary subset is the new revision", argoRules, "echo", argoHashes("v1", "v2"), only("v1"), only("v1")},
	{"weight 10", argoServices, "echo", argoSubsets(10), few, few},
	{"header route", argoServices, "echo", func(u *unstructured.Unstructured) {
		set(u, slices.Insert(list(u, "spec", "http"), 0, any(fields{
			"name":  "canary-header",
			"match": items{fields{"headers": fields{"x-canary": fields{"exact": "always"}}}},
			"route": items{fields{"destination": fields{"host": "echo", "subset": "canary"}, "weight": float64(100)}},
		})), "spec", "http")
	}, few, only("v2")},
	{"weight 50", argoServices, "echo", argoSubsets(50), half, only("v2")},
	{"weight 100", argoServices, "echo", argoSubsets(100), only("v2"), only("v2")},
	{"both subsets are the new revision", argoRules, "echo", argoHashes("v2", "v2"), only("v2"), only("v2")},
	{"the header route is removed", argoServices, "echo", func(u *unstructured.Unstructured) {
		set(u, slices.Delete(list(u, "spec", "http"), 0, 1), "spec", "http")
	}, only("v2"), only("v2")},
	{"weight 0 again", argoServices, "echo", argoSubsets(0), only("v2"), only("v2")},
}

// Flagger writes the whole spec each time. The primary is a Deployment of its own, which gets the new revision in the end, while both
// have a share of the calls.
var promoteFlagger = edit{"the primary gets the new revision", deployments, "echo-v1", func(u *unstructured.Unstructured) {
	set(u, "v2", "spec", "template", "metadata", "labels", "version")
}, only("v2"), only("v2")}

// Flagger, Gateway API.
func flaggerRoute(rules string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: echo}
spec:
  parentRefs: [{group: "", kind: Service, name: echo, port: 50051}]
  rules:` + rules
}

// flaggerWeights is the rule with the weights. With a filter the canary sets a cookie.
func flaggerWeights(primary, canary int, matches, filters string) string {
	return fmt.Sprintf(`
  - matches: [%s]
    timeouts: {request: 15s}
    backendRefs:
    - {group: "", kind: Service, name: echo-primary, port: 50051, weight: %d}
    - {group: "", kind: Service, name: echo-canary, port: 50051, weight: %d, filters: [%s]}
`, matches, primary, canary, filters)
}

const (
	flaggerAll    = `{path: {type: PathPrefix, value: /}}`
	flaggerSticky = `{headers: [{type: RegularExpression, name: Cookie, value: ".*flagger-cookie.*LpsIaLdoNZ.*"}]}`
	flaggerTest   = `{path: {type: PathPrefix, value: /}, headers: [{type: Exact, name: x-canary, value: always}]}`
	setCookie     = `{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: Set-Cookie, value: "flagger-cookie=LpsIaLdoNZ; Max-Age=86400"}]}}`
)

// With session affinity a rule for the cookie comes first, while the canary has a share.
func flaggerAffinity(primary, canary int) string {
	return flaggerRoute(flaggerWeights(0, 100, flaggerSticky, "") + flaggerWeights(primary, canary, flaggerAll, setCookie))
}

var flaggerRouteEdits = []edit{
	{"weight 0", httpRoutes, "echo", specOf(flaggerRoute(flaggerWeights(100, 0, flaggerAll, ""))), only("v1"), only("v1")},
	{"weight 10", httpRoutes, "echo", specOf(flaggerAffinity(90, 10)), few, only("v2")},
	{"weight 50", httpRoutes, "echo", specOf(flaggerAffinity(50, 50)), half, only("v2")},
	promoteFlagger,
	{"weight 0 again", httpRoutes, "echo", specOf(flaggerRoute(flaggerWeights(100, 0, flaggerAll, ""))), only("v2"), only("v2")},
}

// In an A/B test the rule for the header has the weights, and all other calls go to the primary.
func flaggerAB(primary, canary int) string {
	return flaggerRoute(flaggerWeights(primary, canary, flaggerTest, "") + `
  - matches: [` + flaggerAll + `]
    timeouts: {request: 15s}
    backendRefs: [{group: "", kind: Service, name: echo-primary, port: 50051, weight: 100}]
`)
}

var flaggerABEdits = []edit{
	{"the canary has the test's calls", httpRoutes, "echo", specOf(flaggerAB(0, 100)), only("v1"), only("v2")},
	promoteFlagger,
	{"the primary has all calls", httpRoutes, "echo", specOf(flaggerAB(100, 0)), only("v2"), only("v2")},
}

// Flagger, Istio. The DestinationRules have nothing but their hosts. A Blue/Green release mirrors calls to the canary first.
func flaggerIstio(http string) string {
	return `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: echo}
spec:
  hosts: [echo]
  gateways: [mesh]
  http:` + http
}

func flaggerIstioWeights(primary, canary int, more string) string {
	return fmt.Sprintf(`
  - timeout: 15s
    route:
    - {destination: {host: echo-primary}, weight: %d}
    - {destination: {host: echo-canary}, weight: %d}
%s`, primary, canary, more)
}

const (
	flaggerRules = `
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: echo-primary}
spec: {host: echo-primary}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: echo-canary}
spec: {host: echo-canary}
`
	mirrored = "    mirror: {host: echo-canary}\n    mirrorPercentage: {value: 100}\n"
	tested   = "    match: [{headers: {x-canary: {exact: always}}}]\n"
	others   = "  - timeout: 15s\n    route: [{destination: {host: echo-primary}, weight: 100}]\n"
)

var flaggerIstioEdits = []edit{
	{"mirrored", flaggerServices, "echo", specOf(flaggerIstio(flaggerIstioWeights(100, 0, mirrored))), only("v1"), only("v1")},
	{"weight 10", flaggerServices, "echo", specOf(flaggerIstio(flaggerIstioWeights(90, 10, ""))), few, few},
	{"weight 50", flaggerServices, "echo", specOf(flaggerIstio(flaggerIstioWeights(50, 50, ""))), half, half},
	{"an A/B test instead", flaggerServices, "echo", specOf(flaggerIstio(flaggerIstioWeights(0, 100, tested) + others)), only("v1"), only("v2")},
	promoteFlagger,
	{"weight 0 again", flaggerServices, "echo", specOf(flaggerIstio(flaggerIstioWeights(100, 0, ""))), only("v2"), only("v2")},
}

// specOf replaces the spec of an object by the spec of a text.
func specOf(text string) func(u *unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		var written struct{ Spec fields }
		if err := yaml.Unmarshal([]byte(text), &written); err != nil {
			panic(err) // The text is above.
		}
		u.Object["spec"] = written.Spec
	}
}
