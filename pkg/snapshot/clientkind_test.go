package snapshot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// TestClientsShare checks which clients are sent the same resource, and which another one, for one rule after the
// other.
func TestClientsShare(t *testing.T) {
	clients := map[string]mesh.Client{
		"go":        snapshot.ClientOf(snapshottest.Node("gRPC Go", "1.85.0"), ""),
		"old go":    snapshot.ClientOf(snapshottest.Node("gRPC Go", "1.55.0"), ""),
		"java":      snapshot.ClientOf(snapshottest.Node("gRPC Java", "1.85.1"), ""),
		"python":    snapshot.ClientOf(snapshottest.Node("gRPC C-core linux Python", "C-core 58.0.0 Python 1.85.1"), ""),
		"debian":    snapshot.ClientOf(snapshottest.Node("gRPC C-core linux Python", "C-core 29.0.0 Python 1.51.1"), ""),
		"node":      snapshot.ClientOf(snapshottest.Node("gRPC Node Pure JS", "1.14.1"), ""),
		"rust":      snapshot.ClientOf(snapshottest.Node("tonic-xds", "0.1.0"), ""),
		"unknown":   snapshot.ClientOf(snapshottest.Node("home-grown", "7"), ""),
		"unstated":  snapshot.ClientOf(snapshottest.Node("gRPC Go", ""), ""),
		"undefined": {Namespace: "demo"},
	}
	const cluster, assignment, table = snapshot.ClusterType, snapshot.EndpointType, snapshot.RouteType
	tests := map[string]struct {
		kind, spec string
		of         snapshot.Type
		// unlike are groups of clients that are sent another resource than a current gRPC Go client. All other
		// clients share its bytes.
		unlike string
	}{
		"nothing special":      {"VirtualService", "{hosts: [echo], http: [{route: [{destination: {host: echo}}]}]}", table, ""},
		"a header":             {"VirtualService", "{hosts: [echo], http: [{match: [{headers: {x: {prefix: a}}}], route: [{destination: {host: echo}}]}]}", table, "debian old go,unstated"},
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
			s := snapshot.New(snapshottest.Load(t, []string{fmt.Sprintf(snapshottest.EchoObjects, test.kind, test.spec)}))
			if got := unlikeGo(s, clients, test.of, "outbound|8080||echo.demo.svc.cluster.local"); got != test.unlike {
				t.Errorf("got other bytes for %q, want them for %q", got, test.unlike)
			}
			if test.of != cluster {
				return
			}
			// Calling one pod by its own name does not change which encodings a client can read.
			if got := unlikeGo(s, clients, test.of, "outbound|8080||10-0-0-1.echo.demo.svc.cluster.local"); got != test.unlike {
				t.Errorf("for a pod, got other bytes for %q, want them for %q", got, test.unlike)
			}
		})
	}
}

// unlikeGo names the groups of clients that are sent another resource than a current gRPC Go client.
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

// TestNamesOfHTTPClients: ports of gRPC are not offered to HTTP clients.
func TestNamesOfHTTPClients(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{`
apiVersion: v1
kind: Service
metadata: {name: both, namespace: demo}
spec: {selector: {app: both}, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}
`}))
	for kind, want := range map[mesh.ClientKind][]string{
		mesh.JavaAgent: {"both.demo.svc.cluster.local:80"},
		mesh.GRPCGo:    {"both.demo.svc.cluster.local:80", "both.demo.svc.cluster.local:90"},
	} {
		if got := s.Names(snapshot.ListenerType, mesh.Client{Namespace: "demo", Kind: kind}); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}
