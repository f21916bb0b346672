//go:build !fuzzing

package translate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// TestEveryRouteHasAnOrigin checks, in all goldens, that every route that was made from a rule has an Origin.
func TestEveryRouteHasAnOrigin(t *testing.T) {
	for _, g := range goldens(t) {
		s := g.snapshot(t)
		for _, name := range s.Names(snapshot.RouteType, g.client) {
			v := s.Resource(snapshot.RouteType, name, g.client)
			if !slices.ContainsFunc(v.Refs, func(r mesh.Ref) bool { return r.Kind == "VirtualService" || strings.HasSuffix(r.Kind, "Route") }) {
				if v.Origins != nil {
					t.Errorf("%s: %s was not made from rules, but has Origins %v", g.path, name, v.Origins)
				}
				continue
			}
			var table routev3.RouteConfiguration
			if err := v.Any().UnmarshalTo(&table); err != nil {
				t.Fatal(err)
			}
			for i, route := range table.GetVirtualHosts()[0].GetRoutes() {
				hasOrigin := slices.ContainsFunc(v.Origins, func(p report.Origin) bool {
					return p.Path == fmt.Sprintf("virtual_hosts[0].routes[%d]", i) && (strings.HasPrefix(p.Field, "spec.http[") || strings.HasPrefix(p.Field, "spec.tcp[") || strings.HasPrefix(p.Field, "spec.rules"))
				})
				if hasOrigin == (route.GetName() == "keep warm") {
					t.Errorf("%s: %s: route %d %q: got Origins %v", g.path, name, i, route.GetName(), v.Origins)
				}
			}
		}
	}
}

func TestOriginsOfDelegates(t *testing.T) {
	root := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "root"}
	leaf := mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "leaf"}
	s := load(t, `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: demo}
spec:
  hosts: [echo]
  http:
  - match: [{uri: {exact: /a.A/B}}]
    route: [{destination: {host: echo}}]
  - match: [{headers: {user: {exact: ann}}}, {headers: {user: {exact: bob}}}]
    delegate: {name: leaf}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf, namespace: demo}
spec:
  http:
  - match: [{uri: {prefix: /c.C/}}]
    route: [{destination: {host: echo}}]
  - route: [{destination: {host: echo}}]
`)
	v := s.Resource(snapshot.RouteType, "outbound|80||echo.demo.svc.cluster.local", mesh.Client{Namespace: "demo"})
	var want []report.Origin
	add := func(route int, ref mesh.Ref, field string) {
		want = append(want, report.Origin{Path: fmt.Sprintf("virtual_hosts[0].routes[%d]", route), Ref: ref, Field: field})
	}
	add(0, root, "spec.http[0].match[0]")
	for route, field := range []string{"spec.http[0].match[0]", "spec.http[0].match[0]"} {
		add(1+route, leaf, field)
		add(1+route, root, "spec.http[1]")
	}
	for match := range 2 {
		add(3+match, root, fmt.Sprintf("spec.http[1].match[%d]", match))
		add(3+match, leaf, "spec.http[1]")
	}
	if diff := cmp.Diff(want, v.Origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

// TestBackendTLSOfOnePort: an object for one port has no part in the clusters of the others.
func TestBackendTLSOfOnePort(t *testing.T) {
	policy := mesh.Ref{Kind: "BackendTLSPolicy", Namespace: "demo", Name: "echo"}
	s := load(t, `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 80}, {name: admin, port: 81}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: echo, namespace: demo}
spec:
  targetRefs: [{group: "", kind: Service, name: echo, sectionName: admin}]
  validation: {wellKnownCACertificates: System, hostname: echo}
`)
	for port, want := range map[uint32]bool{80: false, 81: true} {
		v := s.Resource(snapshot.ClusterType, resource.ClusterName(port, "", "echo.demo.svc.cluster.local"), mesh.Client{Namespace: "demo"})
		if got := slices.Contains(v.Refs, policy); got != want {
			t.Errorf("port %d: the cluster is made of %v, want the policy in it: %t", port, v.Refs, want)
		}
	}
}
