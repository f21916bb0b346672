//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unsupported sets fields that gRPC clients do not support: at the top, inside lists, and in a part of a rule that
// has the same field twice.
const unsupported = unsupportedRules + "---" + unsupportedRoutes

// unsupportedRules are Istio's kinds.
const unsupportedRules = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: unfollowed}
spec:
  hosts: [echo]
  tls: [{match: [{sniHosts: [echo]}], route: [{destination: {host: echo}}]}]
  http:
  - route: [{destination: {host: echo}}]
  - match: [{uri: {exact: /a}}, {queryParams: {q: {exact: a}}}]
    mirrors: [{destination: {host: echo}}]
    route: [{destination: {host: echo}, headers: {request: {set: {a: b}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: unfollowed}
spec:
  host: echo
  subsets:
  - name: a
    trafficPolicy: {portLevelSettings: [{port: {number: 80}, connectionPool: {http: {idleTimeout: 1s}}}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: unfollowed}
spec:
  ingress: [{port: {number: 80, protocol: GRPC, name: grpc}}]
  egress: [{hosts: ["*/*"]}, {hosts: ["./*"], bind: 127.0.0.1}]
`

// unsupportedRoutes are kinds of the Gateway API.
const unsupportedRoutes = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: unfollowed}
spec:
  parentRefs: [{group: "", kind: Service, name: echo}]
  rules:
  - backendRefs: [{name: echo, port: 80}, {name: echo, port: 81, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: unfollowed}
spec:
  parentRefs: [{group: "", kind: Service, name: echo}]
  rules:
  - matches: [{path: {value: /a}}, {queryParams: [{name: a, value: b}]}]
    timeouts: {request: 2s, backendRequest: 1s}
    backendRefs: [{name: echo, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: unfollowed}
spec:
  targetRefs: [{group: "", kind: Service, name: echo}]
  validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: a}], hostname: echo.example.com}
`

// supported is the same without these fields.
const supported = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: followed}
spec:
  hosts: [echo]
  http:
  - match: [{uri: {exact: /a}, headers: {a: {exact: b}}}]
    timeout: 1s
    retries: {attempts: 2, retryOn: unavailable}
    route: [{destination: {host: echo, subset: a}, weight: 100}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: followed}
spec:
  host: echo
  subsets: [{name: a, labels: {version: a}}]
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 5}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: followed}
spec: {workloadSelector: {labels: {app: echo}}, egress: [{hosts: ["./*"]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: followed}
spec:
  parentRefs: [{group: "", kind: Service, name: echo}]
  rules:
  - matches: [{method: {service: a.B}, headers: [{name: a, value: b}]}]
    backendRefs: [{name: echo, port: 80, weight: 3}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: followed}
spec:
  parentRefs: [{group: "", kind: Service, name: echo}]
  rules:
  - matches: [{path: {value: /a}, method: POST}]
    timeouts: {request: 2s}
    backendRefs: [{name: echo, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: followed}
spec:
  targetRefs: [{group: "", kind: Service, name: echo}]
  validation: {wellKnownCACertificates: System, hostname: echo.example.com}
`

// fieldPolicies are the policies that warn about fields.
var fieldPolicies = []string{"mizzen-virtualservices", "mizzen-destinationrules", "mizzen-sidecars", "mizzen-grpcroutes", "mizzen-httproutes", "mizzen-backendtlspolicies"}

// TestAdmissionWarns: the API server warns an author who applies fields that gRPC clients do not support.
func TestAdmissionWarns(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newInjectedNamespace(t)
	apply := func(text string) string {
		return kubectl(t, text, "--namespace", ns, "apply", "--dry-run=server", "--filename=-")
	}
	// An expression that fails is reported, too.
	for _, policy := range fieldPolicies {
		kubectl(t, "", "patch", "validatingadmissionpolicy", policy, "--type=merge", "--patch", `{"spec":{"failurePolicy":"Fail"}}`)
	}
	warnings := []string{
		"VirtualService.tls has no effect. ", "HTTPMatchRequest.queryParams is refused. ", "HTTPRoute.mirrors has no effect. ",
		"HTTPRouteDestination.headers has no effect. ", "HTTPSettings.idleTimeout has no effect. ",
		"GRPCRouteFilter.requestHeaderModifier has no effect. ", "HTTPRouteMatch.queryParams is refused. ", "HTTPRouteTimeouts.backendRequest has no effect. ",
		"BackendTLSPolicyValidation.caCertificateRefs is refused. ", "Sidecar.ingress has no effect. ", "IstioEgressListener.bind has no effect. ",
	}
	// The API server learns of each policy and its binding on its own.
	await(t, "a warning of each policy", func() error {
		said := apply(unsupported)
		for _, want := range warnings {
			if !strings.Contains(said, want) {
				return fmt.Errorf("got no warning of %s\n%s", want, said)
			}
		}
		if got := strings.Count(said, "Warning:"); got != len(warnings) {
			return fmt.Errorf("got %d warnings, want %d:\n%s", got, len(warnings), said)
		}
		return nil
	})
	if said := apply(supported); said != "" {
		t.Errorf("for supported fields: got %q, want no warning", said)
	}
	kubectl(t, "", "label", "namespace", ns, "mizzen.dev/inject-")
	await(t, "no warning without the label", func() error {
		if said := apply(unsupported); said != "" {
			return fmt.Errorf("got %q", said)
		}
		return nil
	})
}

// TestAdmissionIsTyped: the API server has type-checked the expressions against Istio's definitions without warnings.
func TestAdmissionIsTyped(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	for _, name := range fieldPolicies {
		var policy *admissionv1.ValidatingAdmissionPolicy
		await(t, name+" checked", func() (err error) {
			policy, err = suite.core.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(t.Context(), name, metav1.GetOptions{})
			if err == nil && policy.Status.ObservedGeneration != policy.Generation {
				err = errors.New("its status is not written yet")
			}
			return err
		})
		if policy.Status.TypeChecking == nil {
			continue
		}
		for _, w := range policy.Status.TypeChecking.ExpressionWarnings {
			t.Errorf("%s: %s: %s", name, w.FieldRef, w.Warning)
		}
	}
}
