package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestTooManyEdges has a client that follows 80 Services and reports about 64 zones of each.
func TestTooManyEdges(t *testing.T) {
	const services, zones = 80, 64
	dir := t.TempDir()
	var objects strings.Builder
	var clusters []string
	report := &loadv3.LoadStatsRequest{Node: &corev3.Node{Id: "web"}}
	for i := range services {
		fmt.Fprintf(&objects, "apiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: shop}\nspec: {clusterIP: None, ports: [{name: grpc, port: 80}]}\n---\n", i)
		clusters = append(clusters, fmt.Sprintf("outbound|80||s%d.shop.svc.cluster.local", i))
		stats := &endpointv3.ClusterStats{ClusterName: clusters[i], LoadReportInterval: durationpb.New(1e10)}
		for zone := range zones {
			stats.UpstreamLocalityStats = append(stats.UpstreamLocalityStats, &endpointv3.UpstreamLocalityStats{Locality: &corev3.Locality{Zone: fmt.Sprint("z", zone)}, TotalSuccessfulRequests: 1})
		}
		report.ClusterStats = append(report.ClusterStats, stats)
	}
	if err := os.WriteFile(filepath.Join(dir, "services.yaml"), []byte(objects.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--files", dir, "--load-reports", "all")
	conn, err := grpc.NewClient(s.xds, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	follow, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Send(&discoveryv3.DiscoveryRequest{Node: report.GetNode(), TypeUrl: string(snapshot.ClusterType), ResourceNames: clusters}); err != nil {
		t.Fatal(err)
	}
	if _, err := follow.Recv(); err != nil {
		t.Fatal(err)
	}
	stream, err := loadv3.NewLoadReportingServiceClient(conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(report); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for err == nil { // the end of the stream, after its only report was counted
		_, err = stream.Recv()
	}
	got := command(t.Context(), "", "inspect", "problems", "TooManyEdges", "--address", s.admin)
	if got.code != exitOK || !strings.Contains(got.stdout, "workload unproved report have more than 5000 edges") {
		t.Errorf("problems: got exit code %d, %q and %q", got.code, got.stdout, got.err)
	}
	got = command(t.Context(), "", "inspect", "edges", "--from", "default/other", "--to", "other", "-o", "json", "--address", s.admin)
	if got.code != exitOK || !strings.Contains(got.stdout, `"calls": 120,`) {
		t.Errorf("edges: got exit code %d, %q and %q", got.code, got.stdout, got.err)
	}
}
