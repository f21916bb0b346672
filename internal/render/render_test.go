package render_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const host = "echo.demo.svc.cluster.local"

// world has one Service with one port and one subset, and one Problem.
func world() *mesh.World {
	service := &mesh.Service{
		Ref:   mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"},
		Host:  host,
		Ports: []mesh.Port{{Name: "grpc", Number: 7070}},
	}
	rule := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
	policy := &mesh.MergedDestinationRule{
		Host:    host,
		Refs:    []mesh.Ref{rule},
		Subsets: []mesh.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}, Ref: rule, Field: "spec.subsets[0]"}},
	}
	table := &mesh.DestinationRuleSet{
		Host:             host,
		Candidates:       []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: policy}},
		ServiceNamespace: "demo",
		RootNamespace:    "istio-system",
	}
	return &mesh.World{
		Revision:         1,
		Domain:           "cluster.local",
		RootNamespace:    "istio-system",
		Services:         mesh.Map[*mesh.Service]{}.With(map[string]*mesh.Service{host: service}, nil),
		DestinationRules: mesh.Map[*mesh.DestinationRuleSet]{}.With(map[string]*mesh.DestinationRuleSet{host: table}, nil),
		Problems: []mesh.Problem{{
			Code:     mesh.CodeNoSuchHost,
			Severity: mesh.Warning,
			Object:   mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "lost"},
			Field:    "spec.hosts[0]",
			Message:  "there is no such Service",
		}},
	}
}

func TestSnapshotSelects(t *testing.T) {
	const (
		cluster = "outbound|7070||" + host
		subset  = "outbound|7070|v1|" + host
	)
	cases := map[string]struct {
		options render.Options
		want    []string
	}{
		"everything": {render.Options{}, []string{
			"Listener " + host + ":7070",
			"RouteConfiguration " + cluster,
			"Cluster " + subset, "Cluster " + cluster,
			"ClusterLoadAssignment " + subset, "ClusterLoadAssignment " + cluster,
		}},
		"one type": {render.Options{Types: []snapshot.Type{snapshot.RouteType}}, []string{"RouteConfiguration " + cluster}},
		"a short name, for a client that may dial it": {
			render.Options{Client: mesh.Client{Namespace: "demo"}, Names: []string{"echo"}}, []string{"Listener echo"},
		},
		"a name of routes, clusters and endpoints": {
			render.Options{Names: []string{cluster}},
			[]string{"RouteConfiguration " + cluster, "Cluster " + cluster, "ClusterLoadAssignment " + cluster},
		},
		"a name with a subset has no route": {
			render.Options{Names: []string{subset}}, []string{"Cluster " + subset, "ClusterLoadAssignment " + subset},
		},
		"a name and a type": {
			render.Options{Names: []string{subset}, Types: []snapshot.Type{snapshot.ClusterType}}, []string{"Cluster " + subset},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := render.Snapshot(snapshot.New(world()), c.options)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range out.Resources {
				got = append(got, r.Type+" "+r.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

func TestYAMLStartsWithProblemsAndNamesEachResourceFirst(t *testing.T) {
	out, err := render.Snapshot(snapshot.New(world()), render.Options{Types: []snapshot.Type{snapshot.EndpointType}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := out.YAML()
	if err != nil {
		t.Fatal(err)
	}
	problems, rest, _ := strings.Cut(string(text), "---\n")
	want := `problems:
- code: NoSuchHost
  field: spec.hosts[0]
  message: there is no such Service
  object:
    kind: VirtualService
    name: lost
    namespace: demo
  severity: warning
`
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("first document (-want +got):\n%s", diff)
	}
	var keys []string
	for line := range strings.Lines(rest) {
		if key, _, ok := strings.Cut(line, ":"); ok && key[0] != ' ' {
			keys = append(keys, key)
		}
	}
	if diff := cmp.Diff([]string{"type", "name", "version", "resource", "type", "name", "version", "resource"}, keys); diff != "" {
		t.Errorf("top-level keys (-want +got):\n%s", diff)
	}
}

func TestAnEmptyWorldHasEmptyLists(t *testing.T) {
	out, err := render.Snapshot(snapshot.New(&mesh.World{Domain: "cluster.local"}), render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := out.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("problems: []\n", string(text)); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
	text, err = out.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("{\n  \"problems\": [],\n  \"resources\": []\n}\n", string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestJSONHasTheFieldsOfTheProtocol(t *testing.T) {
	out, err := render.Snapshot(snapshot.New(world()), render.Options{Names: []string{"echo.demo"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := out.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Resources []struct {
			Type, Name, Version string
			Resource            struct {
				APIListener struct {
					APIListener struct {
						Type string `json:"@type"`
					} `json:"api_listener"`
				} `json:"api_listener"`
			}
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Resources) != 1 || !strings.HasSuffix(got.Resources[0].Resource.APIListener.APIListener.Type, "HttpConnectionManager") {
		t.Errorf("got %s, want one Listener with an expanded connection manager", text)
	}
	if again, _ := out.JSON(); string(again) != string(text) {
		t.Error("two calls give different bytes")
	}
}
