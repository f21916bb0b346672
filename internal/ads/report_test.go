package ads

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

type reportStream = loadv3.LoadReportingService_StreamLoadStatsClient

// reporter opens a stream for reports on the connection of the rig, and reads the answer.
func (r *rig) reporter(t *testing.T, node string) reportStream {
	t.Helper()
	stream, err := loadv3.NewLoadReportingServiceClient(r.conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sendReport(t, stream, &loadv3.LoadStatsRequest{Node: &corev3.Node{Id: node}})
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !answer.GetSendAllClusters() || answer.GetReportEndpointGranularity() || len(answer.GetClusters()) != 0 || answer.GetLoadReportingInterval().AsDuration() != time.Minute {
		t.Errorf("got the answer %v", answer)
	}
	return stream
}

func sendReport(t *testing.T, stream reportStream, r *loadv3.LoadStatsRequest) {
	t.Helper()
	if err := stream.Send(r); err != nil {
		t.Fatal(err)
	}
}

func reportOf(cluster string, calls uint64) *loadv3.LoadStatsRequest {
	return &loadv3.LoadStatsRequest{ClusterStats: []*endpointv3.ClusterStats{{
		ClusterName: cluster, UpstreamLocalityStats: []*endpointv3.UpstreamLocalityStats{{TotalSuccessfulRequests: calls}},
	}}}
}

// follow opens a stream on which the node "a" follows the cluster of world.
func (r *rig) follow(t *testing.T) adsStream {
	t.Helper()
	stream := r.open(t)
	send(t, stream, &discoveryv3.DiscoveryRequest{Node: &corev3.Node{Id: "a"}, TypeUrl: string(snapshot.ClusterType), ResourceNames: []string{echoCluster}})
	receive(t, stream)
	return stream
}

// refused reads the end of a stream.
func refused(t *testing.T, stream reportStream, code codes.Code, text string) {
	t.Helper()
	_, err := stream.Recv()
	if status.Code(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %v with %q", err, code, text)
	}
}

// calls waits until the edges have that many calls.
func calls(t *testing.T, table *load.Table, want uint64) []load.Edge {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		var got uint64
		all := table.Edges()
		for _, e := range all {
			got += e.Calls
		}
		if got >= want {
			return all
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("got %d calls, want %d", got, want)
		}
	}
}

// TestReports has clients report about what they follow, and about what they do not.
func TestReports(t *testing.T) {
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table})
	r.store.Publish(world(1))
	r.follow(t)
	honest, other := r.reporter(t, "a"), r.reporter(t, "b")
	sendReport(t, other, reportOf(echoCluster, 1000))
	sendReport(t, honest, reportOf("outbound|8080||bank.demo.svc.cluster.local", 1000))
	sendReport(t, honest, reportOf(echoCluster, 7))
	all := calls(t, table, 7)
	want := load.Edge{Source: load.Source{Workload: load.UnprovedWorkload, Unproved: true, Namespace: "default"}, Destination: load.Destination{Service: "echo", Namespace: "demo", Port: 8080}, Calls: 7}
	if len(all) != 1 || all[0].Source != want.Source || all[0].Destination != want.Destination || all[0].Calls != 7 {
		t.Errorf("got %+v, want %+v", all, want)
	}
	// What is reported in the first message counts, too.
	first, err := loadv3.NewLoadReportingServiceClient(r.conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	early := reportOf(echoCluster, 3)
	early.Node = &corev3.Node{Id: "a"}
	sendReport(t, first, early)
	calls(t, table, 10)
}

// TestReportsAfterLeaving reports the last calls to a cluster from which the client has unsubscribed.
func TestReportsAfterLeaving(t *testing.T) {
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table})
	r.store.Publish(world(1))
	stream := r.follow(t)
	send(t, stream, &discoveryv3.DiscoveryRequest{TypeUrl: string(snapshot.ClusterType), ResourceNames: []string{"outbound|8080|none|echo.demo.svc.cluster.local"}})
	receive(t, stream)
	sendReport(t, r.reporter(t, "a"), reportOf(echoCluster, 5))
	calls(t, table, 5)
}

// TestReportsThatAreRefused ends the streams of clients that report too much or too often, or prove nothing.
func TestReportsThatAreRefused(t *testing.T) {
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table})
	r.store.Publish(world(1))
	large := r.reporter(t, "a")
	sendReport(t, large, reportOf(strings.Repeat("x", maxReportBytes), 1))
	refused(t, large, codes.ResourceExhausted, "more than 262144 bytes")
	huge := r.reporter(t, "a")
	sendReport(t, huge, reportOf(strings.Repeat("x", maxRequestBytes), 1))
	refused(t, huge, codes.ResourceExhausted, "larger than max")
	for size, text := range map[int]string{maxReportBytes: "more than 262144 bytes", maxRequestBytes: "larger than max"} {
		first, err := loadv3.NewLoadReportingServiceClient(r.conn).StreamLoadStats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sendReport(t, first, reportOf(strings.Repeat("x", size), 1))
		refused(t, first, codes.ResourceExhausted, text)
	}
	often := r.reporter(t, "a")
	for range reportBurst + 1 {
		if often.Send(reportOf(echoCluster, 1)) != nil {
			break
		}
	}
	refused(t, often, codes.ResourceExhausted, "more often than 2 times in 1m0s")
	if got := ignored(t, table); got["too_large"] != 4 || got["too_often"] != 1 {
		t.Errorf("got %v, want four reports that are too large, and one too soon", got)
	}
	broken := r.reporter(t, "a")
	sendReport(t, broken, &loadv3.LoadStatsRequest{})
	if err := broken.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Recv(); err == nil {
		t.Error("the stream goes on after its client has closed it")
	}
}

// TestReportsOfClientsThatNeverRead has a client that never reads its stream, and one that never reads its connection and
// lets the server send nothing. Both are counted, and neither holds up the other clients or the end of the server.
func TestReportsOfClientsThatNeverRead(t *testing.T) {
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table})
	r.store.Publish(world(1))
	r.follow(t)
	silent, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	writeReport(t, silent, &loadv3.LoadStatsRequest{Node: &corev3.Node{Id: "silent"}, ClusterStats: reportOf(echoCluster, 1000).GetClusterStats()})
	stream, err := loadv3.NewLoadReportingServiceClient(r.conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sendReport(t, stream, &loadv3.LoadStatsRequest{Node: &corev3.Node{Id: "a"}})
	sendReport(t, stream, reportOf(echoCluster, 3))
	calls(t, table, 3)
	sendReport(t, r.reporter(t, "a"), reportOf(echoCluster, 4))
	if all := calls(t, table, 7); len(all) != 1 || all[0].Calls != 7 {
		t.Errorf("got %+v", all)
	}
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	const want = `# HELP mizzen_load_report_streams Open streams on which clients report their load.
# TYPE mizzen_load_report_streams gauge
mizzen_load_report_streams 3
`
	for testutil.CollectAndCompare(load.NewCollector(table, nil), strings.NewReader(want), "mizzen_load_report_streams") != nil {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the server does not take the reports of the client that never reads")
		}
	}
}

// writeReport begins a connection, opens a stream and sends a report. The server may send nothing on the stream.
func writeReport(t *testing.T, conn net.Conn, report *loadv3.LoadStatsRequest) {
	t.Helper()
	b, err := proto.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	for _, h := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", loadv3.LoadReportingService_StreamLoadStats_FullMethodName}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(conn, conn)
	const stream = 1
	_, err = conn.Write([]byte(http2.ClientPreface))
	err = errors.Join(err,
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: headers.Bytes(), EndHeaders: true}),
		framer.WriteData(stream, false, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)))
	if err != nil {
		t.Fatal(err)
	}
}

// TestReportsNeedAProof treats streams for reports as those for configuration.
func TestReportsNeedAProof(t *testing.T) {
	pod := &mesh.Pod{Ref: mesh.Ref{Kind: "Pod", Namespace: "shop", Name: "web-5d4f8c-x2x7k"}, ServiceAccount: "web", Labels: mesh.MakeLabels(map[string]string{"pod-template-hash": "5d4f8c"})}
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table, Authenticator: fakeAuthenticator{id: identity.Identity{Proof: identity.Address, Namespace: "shop", ServiceAccount: "web", Pod: pod}}})
	r.store.Publish(world(1))
	r.follow(t)
	sendReport(t, r.reporter(t, "a"), reportOf(echoCluster, 1))
	if all := calls(t, table, 1); all[0].Source != (load.Source{Namespace: "shop", Workload: "web"}) {
		t.Errorf("got %+v", all)
	}
	none := startWith(t, Options{Authenticator: fakeAuthenticator{err: status.Error(codes.Unauthenticated, "no proof")}})
	none.store.Publish(world(1))
	stream, err := loadv3.NewLoadReportingServiceClient(none.conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused(t, stream, codes.Unauthenticated, "no proof")
}

// TestReportsDrain closes streams for reports at the end of the server, with a status after which clients come again.
func TestReportsDrain(t *testing.T) {
	r := startWith(t, Options{Loads: load.New(load.Options{Interval: time.Minute})})
	r.store.Publish(world(1))
	stream := r.reporter(t, "a")
	r.stop()
	refused(t, stream, codes.Canceled, "context canceled")
}

// ignored returns the counters of what was left out, by reason.
func ignored(t *testing.T, table *load.Table) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(load.NewCollector(table, nil))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "mizzen_load_reports_ignored_total" {
			for _, m := range f.GetMetric() {
				found[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return found
}
