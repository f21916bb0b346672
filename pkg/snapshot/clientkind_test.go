package snapshot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// agentNode is a client by what it calls itself.
func agentNode(name, version string) *corev3.Node {
	return &corev3.Node{
		UserAgentName: name, UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: version},
		Metadata: metadata("NAMESPACE", "demo"),
	}
}

const echoObjects = `apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 8080}]
endpoints: [{addresses: [10.0.0.1], nodeName: a, zone: za}, {addresses: [10.0.0.2], nodeName: b, zone: zb}]
---
apiVersion: networking.istio.io/v1
kind: %s
metadata: {name: echo, namespace: demo}
spec: %s
`

// TestClientsShare says which clients are sent the same, and which something else, for one rule after the other.
func TestClientsShare(t *testing.T) {
	clients := map[string]mesh.Client{
		"go":        snapshot.ClientOf(agentNode("gRPC Go", "1.85.0")),
		"old go":    snapshot.ClientOf(agentNode("gRPC Go", "1.55.0")),
		"java":      snapshot.ClientOf(agentNode("gRPC Java", "1.85.1")),
		"python":    snapshot.ClientOf(agentNode("gRPC C-core linux Python", "C-core 58.0.0 Python 1.85.1")),
		"debian":    snapshot.ClientOf(agentNode("gRPC C-core linux Python", "C-core 29.0.0 Python 1.51.1")),
		"node":      snapshot.ClientOf(agentNode("gRPC Node Pure JS", "1.14.1")),
		"rust":      snapshot.ClientOf(agentNode("tonic-xds", "0.1.0")),
		"unknown":   snapshot.ClientOf(agentNode("home-grown", "7")),
		"unstated":  snapshot.ClientOf(agentNode("gRPC Go", "")),
		"undefined": {Namespace: "demo"},
	}
	const cluster, assignment, table = snapshot.ClusterType, snapshot.EndpointType, snapshot.RouteType
	tests := map[string]struct {
		kind, spec string
		of         snapshot.Type
		// unlike are groups of clients that are sent something else than a current client for Go; all others share its bytes.
		unlike string
	}{
		"nothing special":      {"VirtualService", "{hosts: [echo], http: [{route: [{destination: {host: echo}}]}]}", table, ""},
		"a header":             {"VirtualService", "{hosts: [echo], http: [{match: [{headers: {x: {prefix: a}}}], route: [{destination: {host: echo}}]}]}", table, "debian old go,unknown,unstated"},
		"round robin":          {"DestinationRule", "{host: echo}", cluster, ""},
		"least request":        {"DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}", cluster, "rust"},
		"a ring":               {"DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}", cluster, "old go"},
		"a ring of a size":     {"DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x, ringHash: {minimumRingSize: 64}}}}}", cluster, "node,rust,unknown old go"},
		"any endpoint":         {"DestinationRule", "{host: echo}", assignment, ""},
		"preferred endpoints":  {"DestinationRule", "{host: echo, trafficPolicy: {loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}, outlierDetection: {}}}", assignment, "rust"},
		"a subset's own level": {"DestinationRule", "{host: echo, subsets: [{name: a, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}]}", cluster, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := snapshot.New(load(t, []string{fmt.Sprintf(echoObjects, test.kind, test.spec)}))
			if got := unlikeGo(s, clients, test.of, "outbound|8080||echo.demo.svc.cluster.local"); got != test.unlike {
				t.Errorf("got other bytes for %q, want them for %q", got, test.unlike)
			}
			if test.of != cluster {
				return
			}
			// To call one pod by its own name changes nothing in what a client can read.
			if got := unlikeGo(s, clients, test.of, "outbound|8080||10-0-0-1.echo.demo.svc.cluster.local"); got != test.unlike {
				t.Errorf("for a pod, got other bytes for %q, want them for %q", got, test.unlike)
			}
		})
	}
}

// unlikeGo names the groups of clients that are sent something else than a current client for Go.
func unlikeGo(s *snapshot.Snapshot, clients map[string]mesh.Client, of snapshot.Type, name string) string {
	sent := map[string][]string{}
	for who, client := range clients {
		client.Locality.Zone = "za"
		version := s.Resource(of, name, client).Version
		sent[version] = append(sent[version], who)
	}
	var unlike []string
	for _, group := range sent {
		if slices.Sort(group); !slices.Contains(group, "go") {
			unlike = append(unlike, strings.Join(group, ","))
		}
	}
	slices.Sort(unlike)
	return strings.Join(unlike, " ")
}
