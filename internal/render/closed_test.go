package render_test

import (
	"path/filepath"
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// TestWhatIsPrintedIsWhatAClientHas: in every golden's output, each cluster that routes lead to is printed, with its endpoints,
// although no Service or subset has it.
func TestWhatIsPrintedIsWhatAClientHas(t *testing.T) {
	inputs, err := filepath.Glob("../../pkg/translate/testdata/*/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, input := range inputs {
		world, err := files.Load(watch.Options{}, input)
		if err != nil {
			t.Fatal(err)
		}
		s, client := snapshot.New(world), mesh.Client{Namespace: "demo"}
		out, err := render.Snapshot(s, render.Options{Client: client})
		if err != nil {
			t.Fatal(err)
		}
		printed := map[string]bool{}
		for _, r := range out.Resources {
			printed[r.Type+" "+r.Name] = true
		}
		own := s.Names(snapshot.ClusterType, client)
		for _, r := range out.Resources {
			led, kind := leadsTo(t, r)
			for _, name := range led {
				if !printed[kind+" "+name] {
					t.Errorf("%s: %s %s leads to %s %s, which is not printed", input, r.Type, r.Name, kind, name)
				}
				if !slices.Contains(own, name) {
					unknown++
				}
			}
		}
	}
	if unknown == 0 {
		t.Error("no golden leads to a cluster that no Service or subset has")
	}
}

// leadsTo returns the names that a resource leads to, and their type.
func leadsTo(t *testing.T, r render.Resource) (names []string, kind string) {
	t.Helper()
	leading := map[string]struct {
		message proto.Message
		names   func(proto.Message) []string
		kind    string
	}{
		"RouteConfiguration": {&routev3.RouteConfiguration{}, resource.ClustersOf, "Cluster"},
		"Cluster":            {&clusterv3.Cluster{}, resource.EndpointsOf, "ClusterLoadAssignment"},
	}
	of, ok := leading[r.Type]
	if !ok {
		return nil, ""
	}
	if err := protojson.Unmarshal(r.Resource, of.message); err != nil {
		t.Fatal(err)
	}
	return of.names(of.message), of.kind
}
