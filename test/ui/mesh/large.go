package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// large is a mesh of many services with a workload each, whose clients subscribe to a few services and report load.
type large struct{ services, clients int }

const (
	// fanOut is how many services a workload calls.
	fanOut = 3
	// streamsEach is how many clients share a connection; the control plane allows 100.
	streamsEach = 50
	clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
)

func (l large) name(i int) (namespace, name string) {
	i %= l.services
	return fmt.Sprintf("team-%d", i%20), fmt.Sprintf("service-%d", i)
}

// ip is the loopback address of a workload.
func (l large) ip(i int) string { return fmt.Sprintf("127.87.%d.%d", i/200, i%200+1) }

func (l large) objects() string {
	var text strings.Builder
	for i := range min(20, l.services) {
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team-%d, annotations: {mizzen.dev/load-reports: \"true\"}}\n", i)
	}
	for i := range l.services {
		namespace, name := l.name(i)
		fmt.Fprintf(&text, "---\n"+service, name, namespace, name, port)
		fmt.Fprintf(&text, "---\n"+pod, name, namespace, name, "v1", name, l.ip(i))
		fmt.Fprintf(&text, "---\n"+slice, name, namespace, name, port, l.ip(i), "zone-a", name, namespace)
	}
	return text.String()
}

// run keeps all clients connected. The first connection of each workload reports.
func (l large) run(ctx context.Context, xds string) error {
	group, ctx := errgroup.WithContext(ctx)
	each := max(1, l.clients/l.services)
	for i := range l.services {
		for first := 0; first < each; first += streamsEach {
			group.Go(func() error { return l.keep(ctx, xds, i, first, min(streamsEach, each-first)) })
		}
	}
	return group.Wait()
}

// keep connects again whenever the control plane ends.
func (l large) keep(ctx context.Context, xds string, i, first, streams int) error {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(l.ip(i))}}
	conn, err := grpc.NewClient(xds, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", a) }))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for ctx.Err() == nil {
		one, cancel := context.WithCancel(ctx)
		group, one := errgroup.WithContext(one)
		for s := range streams {
			group.Go(func() error { return l.subscribe(one, conn, i, first+s) })
		}
		if first == 0 {
			group.Go(func() error { return l.report(one, conn, i) })
		}
		_ = group.Wait() // the control plane ended or is not there yet
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (l large) node(i, stream int) *corev3.Node {
	namespace, name := l.name(i)
	metadata, _ := structpb.NewStruct(tree{"NAMESPACE": namespace})
	return &corev3.Node{
		Id: fmt.Sprintf("%s-%d.%s", name, stream, namespace), UserAgentName: "gRPC Go", Metadata: metadata,
		UserAgentVersionType: &corev3.Node_UserAgentVersion{UserAgentVersion: "1.85.0"}, ClientFeatures: []string{"envoy.lrs.supports_send_all_clusters"},
	}
}

func (l large) clusters(i int) []string {
	names := make([]string, fanOut)
	for k := range names {
		namespace, name := l.name(i*7 + k*k*13 + k + 1)
		names[k] = fmt.Sprintf("outbound|%d||%s.%s.svc.cluster.local", port, name, namespace)
	}
	return names
}

// subscribe asks for the clusters, and acknowledges what comes.
func (l large) subscribe(ctx context.Context, conn *grpc.ClientConn, i, id int) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	request := &discoveryv3.DiscoveryRequest{Node: l.node(i, id), TypeUrl: clusterType, ResourceNames: l.clusters(i)}
	for {
		if err := stream.Send(request); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		response, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		request = &discoveryv3.DiscoveryRequest{TypeUrl: clusterType, ResourceNames: l.clusters(i), VersionInfo: response.GetVersionInfo(), ResponseNonce: response.GetNonce()}
	}
}

// report says that all calls end, but for one cluster in twenty.
func (l large) report(ctx context.Context, conn *grpc.ClientConn, i int) error {
	stream, err := loadv3.NewLoadReportingServiceClient(conn).StreamLoadStats(ctx, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := stream.Send(&loadv3.LoadStatsRequest{Node: l.node(i, 0)}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	answer, err := stream.Recv()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	interval := answer.GetLoadReportingInterval()
	tick := time.NewTicker(interval.AsDuration())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := stream.Send(&loadv3.LoadStatsRequest{ClusterStats: l.stats(i, interval)}); err != nil {
				return fmt.Errorf("report: %w", err)
			}
		}
	}
}

func (l large) stats(i int, interval *durationpb.Duration) []*endpointv3.ClusterStats {
	var all []*endpointv3.ClusterStats
	for k, name := range l.clusters(i) {
		ok, failed := 50+rand.Uint64N(50), uint64(0)
		if (i+k)%20 == 0 {
			failed = ok / 5
		}
		all = append(all, &endpointv3.ClusterStats{
			ClusterName: name, LoadReportInterval: interval,
			UpstreamLocalityStats: []*endpointv3.UpstreamLocalityStats{{
				Locality: &corev3.Locality{Zone: "zone-a"}, TotalSuccessfulRequests: ok, TotalErrorRequests: failed, TotalIssuedRequests: ok + failed,
			}},
		})
	}
	return all
}
