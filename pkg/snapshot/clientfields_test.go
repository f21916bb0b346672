package snapshot_test

import (
	"reflect"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestEveryFieldOfClientChangesAnAnswer compares the answers to two clients that differ in one field. A field that
// changes no answer does not belong in mesh.Client, because it would separate clients that could share resources.
func TestEveryFieldOfClientChangesAnAnswer(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{clientFields}))
	base := mesh.Client{
		Namespace: "demo", Node: "n1", Locality: mesh.Locality{Region: "r", Zone: "a"}, Kind: mesh.GRPCJava, Version: "1.70.0",
		Providers: mesh.MakeProviders("default"), Bucket: 1, Missing: mesh.FeaturesMissingIn(mesh.GRPCJava, "1.70.0"),
	}
	// other differs in every field.
	other := mesh.Client{
		Namespace: "shop", Labels: mesh.MakeLabels(map[string]string{"app": "front"}), Node: "n2", Locality: mesh.Locality{Region: "r", Zone: "b"},
		Addresses: "10.0.0.9", Kind: mesh.GRPCNode, Version: "1.85.0", Providers: mesh.MakeProviders("default", "shop"), Missing: mesh.FeatureStringMatch, Bucket: 3,
		ServerCertificate: true, Cluster: "b", Egress: "127.0.0.1:15001",
		Declared: mesh.FeatureSystemRoots,
	}
	for field, value := range reflect.ValueOf(other).Fields() {
		before := base
		if field.Name == "Sidecar" { // The Snapshot sets it.
			continue
		}
		if field.Name == "ServerCertificate" { // It is for servers without Providers.
			before.Providers, before.Labels = "", mesh.MakeLabels(map[string]string{mesh.LabelIdentity: mesh.IdentitySPIFFE, mesh.LabelServer: mesh.ServerXDS})
		}
		if field.Name == "Egress" { // It is for Envoys, and unknown names have no scope.
			before.Kind, before.Egress = mesh.Envoy, "127.0.0.1:15002"
		}
		client := before
		changed := reflect.ValueOf(&client).Elem().FieldByIndex(field.Index)
		if changed.Equal(value) {
			t.Errorf("%s: give other a different value that changes an answer", field.Name)
			continue
		}
		changed.Set(value)
		switch field.Name {
		case "Version": // Version selects the missing features and names the client in Problems.
			client.Missing = mesh.FeaturesMissingIn(client.Kind, client.Version)
		case "Declared": // In releases that have the feature by a variable, it selects the missing features.
			client.Missing &^= client.Declared
		}
		if field.Name == "Cluster" { // In the World of a folder there is one cluster.
			continue // TestServicesOfOneCluster
		}
		if !answeredApart(s, before, client) {
			t.Errorf("%s changes no answer", field.Name)
		}
	}
}

// answeredApart reports whether two clients get different resources under one name. One of the names does not exist, and
// two are of a server.
func answeredApart(s *snapshot.Snapshot, a, b mesh.Client) bool {
	for _, typ := range snapshot.Types {
		for _, name := range append(s.Names(typ, a), "outbound|80||nothing.demo.svc.cluster.local", "inbound|50051||", "grpc/server?xds.resource.listening_address=0.0.0.0:50051") {
			forA, forB := s.Resource(typ, name, a), s.Resource(typ, name, b)
			if forA == nil && forB == nil {
				continue
			}
			if forA == nil || forB == nil || forA.Version != forB.Version {
				return true
			}
		}
	}
	return false
}

// clientFields has Services whose answers depend on the client in different ways.
const clientFields = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: addressed, namespace: demo}
spec: {rules: [{when: [{key: destination.ip, values: [10.0.0.9]}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: matched, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: matched, namespace: demo}
spec:
  hosts: [matched]
  http:
  - {match: [{sourceNamespace: shop}], timeout: 1s, route: [{destination: {host: matched}}]}
  - {match: [{sourceLabels: {app: front}}], timeout: 2s, route: [{destination: {host: matched}}]}
  - {match: [{headers: {user: {exact: ann}}}], timeout: 3s, route: [{destination: {host: matched}}]}
---
apiVersion: v1
kind: Service
metadata: {name: near, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}], trafficDistribution: PreferClose}
---
apiVersion: v1
kind: Service
metadata: {name: local, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}], internalTrafficPolicy: Local}
---
apiVersion: v1
kind: Service
metadata: {name: parted, namespace: demo, annotations: {mizzen.dev/subset-size: "1"}}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: provided, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: provided, namespace: demo}
spec: {host: provided, trafficPolicy: {tls: {mode: SIMPLE, credentialName: shop, subjectAltNames: [x]}}}
---
apiVersion: v1
kind: Service
metadata: {name: public, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: public, namespace: demo}
spec: {host: public, trafficPolicy: {tls: {mode: SIMPLE, subjectAltNames: [x]}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: near, namespace: demo, labels: {kubernetes.io/service-name: near}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.2], zone: b}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: local, namespace: demo, labels: {kubernetes.io/service-name: local}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [10.0.1.1], nodeName: n1}, {addresses: [10.0.1.2], nodeName: n2}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: parted, namespace: demo, labels: {kubernetes.io/service-name: parted}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [10.0.2.1]}, {addresses: [10.0.2.2]}, {addresses: [10.0.2.3]}, {addresses: [10.0.2.4]}]
`
