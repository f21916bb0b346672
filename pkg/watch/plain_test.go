package watch

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// plainWorld is a World without what differs between equal ones: how its maps are laid out, and its history.
type plainWorld struct {
	Services  map[string]*mesh.Service
	Addresses map[string]*mesh.Service
	Endpoints map[string]*mesh.EndpointSet
	Routes    map[string]*mesh.RouteTable
	Policies  map[string]*mesh.PolicyTable
	Pods      map[string]*mesh.Pod
	PodIPs    map[string]*mesh.Pod
	Rules     map[string]*mesh.Rule
	Unbound   []*mesh.Routes
	Problems  []mesh.Problem
}

func plain(w *mesh.World) plainWorld {
	return plainWorld{
		Services: maps.Collect(w.Services.All()), Addresses: maps.Collect(w.Addresses.All()), Endpoints: maps.Collect(w.Endpoints.All()),
		Routes: maps.Collect(w.Routes.All()), Policies: maps.Collect(w.Policies.All()),
		Pods: maps.Collect(w.Pods.All()), PodIPs: maps.Collect(w.PodAddresses.All()), Rules: maps.Collect(w.Rules.All()),
		Unbound: w.Unbound, Problems: w.Problems,
	}
}

func diffWorlds(got, want plainWorld) string {
	return cmp.Diff(want, got, protocmp.Transform())
}

// write puts a file into a folder of the test.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadText loads YAML as the one file objects.yaml.
func loadText(t *testing.T, text string) *mesh.World {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "objects.yaml", text)
	t.Chdir(dir)
	w, err := Load(Options{}, "objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// problemLines are the Problems as one line each.
func problemLines(w *mesh.World) []string {
	var lines []string
	for _, p := range w.Problems {
		lines = append(lines, p.String())
	}
	return lines
}

// get is the value of a host, or the zero value.
func get[V any](m mesh.Map[V], host string) V {
	v, _ := m.Get(host)
	return v
}
