package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

const namespace = "shop"

// rules are the routes to go-sc-a.
type rules struct {
	// v1 and v2 are the weights.
	v1, v2 int
	// header sends calls with x-user: tester to v2. lane sends the calls in the lane gray there.
	header, lane bool
}

// asInstalled are the rules at the start.
var asInstalled = rules{v1: 90, v2: 10}

func (r rules) String() string {
	var routes strings.Builder
	if r.header {
		routes.WriteString(`    - match: [{headers: {x-user: {exact: tester}}}]
      route: [{destination: {host: go-sc-a, subset: v2}}]
`)
	}
	if r.lane {
		routes.WriteString(`    - match: [{headers: {baggage: {regex: "(.*,)?lane=gray(,.*)?"}}}]
      route: [{destination: {host: go-sc-a, subset: v2}}]
`)
	}
	fmt.Fprintf(&routes, `    - route:
        - {destination: {host: go-sc-a, subset: v1}, weight: %d}
        - {destination: {host: go-sc-a, subset: v2}, weight: %d}
`, r.v1, r.v2)
	return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: go-sc-a, namespace: shop}
spec:
  hosts: [go-sc-a]
  http:
` + routes.String() + `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: go-sc-a, namespace: shop}
spec:
  host: go-sc-a
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
`
}

// services are the objects of the Go applications: a Service with a port for HTTP and one for gRPC, and the pods.
func services(apps []*goApp) string {
	docs := []string{`apiVersion: v1
kind: Service
metadata: {name: go-sc-a, namespace: shop}
spec:
  selector: {app: go-sc-a}
  ports:
    - {name: http, port: 80, appProtocol: http}
    - {name: grpc, port: 50051, appProtocol: grpc}
`}
	for _, a := range apps {
		docs = append(docs, fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: go-sc-a-%[1]s, namespace: shop, labels: {app: go-sc-a, version: %[1]s}}
spec: {containers: [{name: app, image: go-sc-a}]}
status: {podIP: 127.0.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: go-sc-a-%[1]s, namespace: shop, labels: {kubernetes.io/service-name: go-sc-a}}
addressType: IPv4
ports: [{name: http, port: %[2]d}, {name: grpc, port: %[3]d}]
endpoints:
  - {addresses: [127.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: go-sc-a-%[1]s}}
`, a.version, a.httpPort(), a.grpcPort()))
	}
	return strings.Join(docs, "---\n")
}

// write replaces a file of the folder, and returns when it began to.
func (w *world) write(name, text string) (time.Time, error) {
	at := time.Now()
	return at, controlplane.Replace(w.folder(), name, text)
}
