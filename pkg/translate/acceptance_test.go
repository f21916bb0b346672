// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// resourceID identifies a resource among all types.
type resourceID struct {
	resourceType snapshot.Type
	name         string
}

// TestAcceptance serves every golden for gRPC clients to a real one, which must acknowledge each resource that it subscribes
// to. What servers take is tried with real servers in test/interop.
func TestAcceptance(t *testing.T) {
	for _, g := range goldens(t) {
		if g.client.Kind.Family() != mesh.FamilyGRPC || slices.ContainsFunc(g.names, isServer) {
			continue
		}
		t.Run(g.path, func(t *testing.T) {
			t.Parallel()
			if enabledElsewhere(t, g.client.Declared) {
				return
			}
			s := g.snapshot(t)
			accept(t, s, g.client, g.listeners(s), s.Names(snapshot.ClusterType, g.client))
		})
	}
}

// enabledElsewhere runs the test in a process of its own if the client declares variables that are not set in this one: gRPC
// reads them once.
func enabledElsewhere(t *testing.T, declared mesh.Features) bool {
	t.Helper()
	var env []string
	for _, name := range declared.Variables() {
		if os.Getenv(name) != "true" {
			env = append(env, name+"=true")
		}
	}
	if len(env) == 0 {
		return false
	}
	// Each level of the name is a pattern of its own.
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.run", pattern, "-test.v")
	test.Env = append(os.Environ(), env...)
	out, err := test.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("with %q: %v\n%s", env, err, out)
	}
	return true
}

func isServer(name string) bool {
	_, server, _ := resource.ParseServerListener(name)
	return server
}

// listeners returns the Listeners that the golden shows, or else all.
func (g golden) listeners(s *snapshot.Snapshot) []string {
	if len(g.names) > 0 && len(g.types) == 1 && g.types[0] == snapshot.ListenerType {
		return g.names
	}
	return s.Names(snapshot.ListenerType, g.client)
}

// accept dials every listener and waits until the client has accepted everything that it needs for them, and the
// clusters. No route names some of the clusters, such as those of subsets, so an additional RouteConfiguration
// names them all.
func accept(t *testing.T, s *snapshot.Snapshot, client mesh.Client, listeners, clusters []string) {
	t.Helper()
	control := serve(t, s, client)
	want := map[resourceID]bool{}
	for _, name := range listeners {
		need(t, s, client, name, want)
	}
	if len(clusters) > 0 {
		control.extra = everything(t, clusters)
		listeners = append(slices.Clone(listeners), everythingName)
		for _, name := range clusters {
			needCluster(t, s, client, name, want)
		}
	}
	for _, name := range listeners {
		control.dial(t, name).Connect()
	}
	control.await(t, want)
}

// everythingName is an additional Listener of these tests, and everythingTable its RouteConfiguration.
const (
	everythingName  = "everything"
	everythingTable = "outbound|1||everything"
)

var everythingFacts = translate.Facts{Host: everythingName}

// everything makes a Listener and a RouteConfiguration with a route to all clusters.
func everything(t *testing.T, clusters []string) map[resourceID]*anypb.Any {
	t.Helper()
	weighted := &routev3.WeightedCluster{}
	for _, name := range clusters {
		weighted.Clusters = append(weighted.Clusters, &routev3.WeightedCluster_ClusterWeight{Name: name, Weight: wrapperspb.UInt32(1)})
	}
	table := &routev3.RouteConfiguration{Name: everythingTable, VirtualHosts: []*routev3.VirtualHost{{
		Name: everythingName, Domains: []string{"*"}, Routes: []*routev3.Route{{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: weighted}}},
		}},
	}}}
	extra := map[resourceID]*anypb.Any{}
	for id, m := range map[resourceID]proto.Message{
		{snapshot.ListenerType, everythingName}: translate.Listeners(everythingFacts.ProjectListener(everythingName, 1, mesh.Client{})).Listeners[0].Message,
		{snapshot.RouteType, everythingTable}:   table,
	} {
		packed, err := anypb.New(m)
		if err != nil {
			t.Fatal(err)
		}
		extra[id] = packed
	}
	return extra
}

// need adds to want the resources that a client subscribes to after dialing a name.
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
			needCluster(t, s, client, cluster, want)
		}
	}
}

func needCluster(t *testing.T, s *snapshot.Snapshot, client mesh.Client, name string, want map[resourceID]bool) {
	t.Helper()
	var cluster clusterv3.Cluster
	id := resourceID{snapshot.ClusterType, name}
	fetch(t, s, client, id, &cluster)
	want[id] = true
	if service := cluster.GetEdsClusterConfig().GetServiceName(); service != "" { // Otherwise the client uses DNS.
		want[resourceID{snapshot.EndpointType, service}] = true
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
		t.Fatalf("there is no %s %q", id.resourceType.Name(), id.name)
	}
	if err := v.Any().UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
}

// TestClientTakesAnything serves random hosts, like those of FuzzHost, to a real gRPC client: in the forms for all
// kinds of gRPC clients, in old and new versions.
func TestClientTakesAnything(t *testing.T) {
	for _, kind := range mesh.FamilyGRPC.Kinds().All() {
		for _, version := range []string{"1.41.0", "1.85.0"} {
			t.Run(kind.String()+" "+version, func(t *testing.T) {
				client := mesh.Client{Namespace: "demo", Kind: kind, Version: version, Missing: mesh.FeaturesMissingIn(kind, version)}
				s := snapshot.New(translate.RandomWorld(seeds.Count(60)))
				accept(t, s, client, s.Names(snapshot.ListenerType, client), nil)
			})
		}
	}
}
