// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// resourceID names a resource among those of all types.
type resourceID struct {
	resourceType snapshot.Type
	name         string
}

// TestAcceptance serves every golden to a real gRPC client, which must acknowledge each resource that it comes to ask for.
func TestAcceptance(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.path, func(t *testing.T) {
			t.Parallel()
			s := g.snapshot(t)
			accept(t, s, g.client, g.listeners(s))
		})
	}
}

// listeners are those that the golden shows, or else all.
func (g golden) listeners(s *snapshot.Snapshot) []string {
	if len(g.names) > 0 && len(g.types) == 1 && g.types[0] == snapshot.ListenerType {
		return g.names
	}
	return s.Names(snapshot.ListenerType, g.client)
}

// accept dials every listener and waits until the client has accepted all that it needs for it.
func accept(t *testing.T, s *snapshot.Snapshot, client mesh.Client, listeners []string) {
	t.Helper()
	control := serve(t, s, client)
	want := map[resourceID]bool{}
	for _, name := range listeners {
		need(t, s, client, name, want)
		control.dial(t, name).Connect()
	}
	control.await(t, want)
}

// need adds what a client asks for after dialling a name.
func need(t *testing.T, s *snapshot.Snapshot, client mesh.Client, name string, want map[resourceID]bool) {
	t.Helper()
	var listener listenerv3.Listener
	fetch(t, s, client, resourceID{snapshot.ListenerType, name}, &listener)
	want[resourceID{snapshot.ListenerType, name}] = true
	var manager hcmv3.HttpConnectionManager
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	if manager.GetRds() == nil {
		return
	}
	var table routev3.RouteConfiguration
	id := resourceID{snapshot.RouteType, manager.GetRds().GetRouteConfigName()}
	fetch(t, s, client, id, &table)
	want[id] = true
	for _, route := range table.GetVirtualHosts()[0].GetRoutes() {
		for _, cluster := range clustersOf(route.GetRoute()) {
			var c clusterv3.Cluster
			id := resourceID{snapshot.ClusterType, cluster}
			fetch(t, s, client, id, &c)
			want[id] = true
			want[resourceID{snapshot.EndpointType, c.GetEdsClusterConfig().GetServiceName()}] = true
		}
	}
}

func clustersOf(action *routev3.RouteAction) []string {
	if action.GetWeightedClusters() == nil {
		return []string{action.GetCluster()}
	}
	var names []string
	for _, c := range action.GetWeightedClusters().GetClusters() {
		names = append(names, c.GetName())
	}
	return names
}

func fetch(t *testing.T, s *snapshot.Snapshot, client mesh.Client, id resourceID, m proto.Message) {
	t.Helper()
	v := s.Resource(id.resourceType, id.name, client)
	if v == nil {
		t.Fatalf("there is no answer to %s %q", id.resourceType.Name(), id.name)
	}
	if err := v.Any.UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
}

// TestClientTakesAnything serves random hosts, of the kind that FuzzHost makes, to a real gRPC client.
func TestClientTakesAnything(t *testing.T) {
	client := mesh.Client{Namespace: "demo"}
	s := snapshot.New(translate.RandomWorld(60))
	accept(t, s, client, s.Names(snapshot.ListenerType, client))
}
