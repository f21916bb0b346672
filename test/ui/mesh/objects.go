package main

import (
	"fmt"
	"slices"
	"strings"
)

// serviceOf is the Service that a workload is behind.
func serviceOf(w workload) string {
	switch w.name {
	case "payment-v1", "payment-v2":
		return "payment"
	case "catalog-b":
		return "catalog"
	}
	return w.name
}

// shopObjects returns the objects of the shop, some of them with faults that Problems report.
func shopObjects(regex string) string {
	var text strings.Builder
	var namespaces, services []string
	for i, w := range shop {
		if !slices.Contains(namespaces, w.namespace) {
			namespaces = append(namespaces, w.namespace)
			fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, annotations: {mizzen.dev/load-reports: \"true\"}}\n", w.namespace)
		}
		fmt.Fprintf(&text, "---\n"+pod, w.name, w.namespace, serviceOf(w), w.version, w.name, address(i))
		if w.port == 0 {
			continue
		}
		if name := w.namespace + "/" + serviceOf(w); !slices.Contains(services, name) {
			services = append(services, name)
			fmt.Fprintf(&text, "---\n"+service, serviceOf(w), w.namespace, serviceOf(w), w.port)
		}
		fmt.Fprintf(&text, "---\n"+slice, w.name, w.namespace, serviceOf(w), w.port, address(i), w.zone, w.name, w.namespace)
	}
	return text.String() + strings.Replace(rules, "REGEX", regex, 1)
}

const (
	service = `apiVersion: v1
kind: Service
metadata: {name: %s, namespace: %s}
spec: {selector: {app: %s}, ports: [{name: grpc, port: %d, appProtocol: grpc}]}
`
	pod = `apiVersion: v1
kind: Pod
metadata: {name: %[1]s-7c9d8b6f5-x2x4z, namespace: %[2]s, labels: {app: %[3]s, version: %[4]s, pod-template-hash: 7c9d8b6f5}}
spec: {serviceAccountName: %[5]s, containers: [{name: app, image: app}]}
status: {phase: Running, podIP: %[6]s, podIPs: [{ip: %[6]s}], conditions: [{type: Ready, status: "True"}]}
`
	slice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s, namespace: %[2]s, labels: {kubernetes.io/service-name: %[3]s}}
addressType: IPv4
ports: [{name: grpc, port: %[4]d}]
endpoints:
- {addresses: [%[5]s], conditions: {ready: true}, zone: %[6]s, targetRef: {kind: Pod, name: %[7]s-7c9d8b6f5-x2x4z, namespace: %[8]s}}
`
	rules = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-old, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- {addresses: [127.86.1.1], conditions: {ready: false}, zone: zone-b}
- {addresses: [127.86.1.2], conditions: {ready: false, serving: true, terminating: true}, zone: zone-b}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: payment, namespace: bank}
spec:
  host: payment
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
  - {name: canary, labels: {version: v3}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: payment, namespace: bank}
spec:
  hosts: [payment]
  http:
  - name: refunds
    match: [{uri: {prefix: /pay.Refunds/}, headers: {x-tenant: {exact: acme}}}]
    timeout: 2s
    route: [{destination: {host: payment, subset: v1}}]
  - name: split
    route:
    - {destination: {host: payment, subset: v1}, weight: 80}
    - {destination: {host: payment, subset: v2}, weight: 20}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog, "x"]
  http:
  - match: [{uri: {regex: 'REGEX'}}]
    route: [{destination: {host: catalog}}]
  - wieght: 3
    route: [{destination: {host: catalog}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5, interval: 10s}, connectionPool: {http: {http2MaxRequests: 500}}}
`
)
