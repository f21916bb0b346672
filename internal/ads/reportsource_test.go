package ads

import (
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// nodeIn is a node that states a namespace.
func nodeIn(id, namespace string) *corev3.Node {
	return &corev3.Node{Id: id, Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{"NAMESPACE": structpb.NewStringValue(namespace)}}}
}

// TestReportsOfOthers has clients that follow a cluster as one client, and report about it as another one on the same connection:
// of another namespace, or with a node ID that differs only behind what is kept of it. They falsify the edges of no other.
func TestReportsOfOthers(t *testing.T) {
	table := load.New(load.Options{Interval: time.Minute})
	r := startWith(t, Options{Loads: table})
	r.store.Publish(world(1))
	long := strings.Repeat("a", 256)
	stream := r.open(t)
	send(t, stream, &discoveryv3.DiscoveryRequest{Node: nodeIn(long, "shop"), TypeUrl: string(snapshot.ClusterType), ResourceNames: []string{echoCluster}})
	receive(t, stream)
	for _, node := range []*corev3.Node{nodeIn(long, "payment"), nodeIn(long+"b", "shop"), {Id: long}, nodeIn(long, "shop")} {
		reports, err := loadv3.NewLoadReportingServiceClient(r.conn).StreamLoadStats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sendReport(t, reports, &loadv3.LoadStatsRequest{Node: node})
		if _, err := reports.Recv(); err != nil {
			t.Fatal(err)
		}
		sendReport(t, reports, reportOf(echoCluster, 7))
		if err := reports.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := reports.Recv(); err == nil {
			t.Fatal("the stream goes on")
		}
	}
	if all := table.Edges(); len(all) != 1 || all[0].Calls != 7 || all[0].Source.Namespace != "shop" {
		t.Errorf("got %+v, want the 7 calls of the client itself", all)
	}
	if got := ignored(t, table)["not_subscribed"]; got != 3 {
		t.Errorf("got %v reports that are left out, want 3", got)
	}
}
