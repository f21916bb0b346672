//go:build envoy

package envoy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/mizzen-mesh/mizzen/test/authority"
)

const goldens = "../../pkg/translate/testdata"

// TestGoldens serves the goldens of the translator one after the other to one Envoy, whose listeners name every route
// configuration there is. It must accept all that it is sent: so say its statistics and the control plane.
func TestGoldens(t *testing.T) {
	paths := must(filepath.Glob(goldens + "/*/*.in.yaml"))(t)
	if len(paths) == 0 {
		t.Fatal("there are no goldens")
	}
	for _, as := range []protocol{delta, sotw} {
		t.Run(string(as), func(t *testing.T) {
			m := startPlane(t, "")
			// As root it also takes the clusters with TLS settings, for which it needs files.
			certificates := ""
			if as == delta && os.Getuid() == 0 {
				certificates = authority.New(t).Client()
			}
			p := startEnvoyWith(t, m, as, place{namespace: "demo", certificates: certificates})
			p.certified = certificates != ""
			clusters, routes := 0, 0
			for i, path := range paths {
				if as == sotw && i%3 != 0 { // The content is the same.
					continue
				}
				name := strings.TrimSuffix(strings.TrimPrefix(path, goldens+"/"), ".in.yaml")
				c, r := p.take(m, string(must(os.ReadFile(path))(t)), name, i)
				clusters, routes = clusters+c, routes+r
			}
			t.Logf("%d clusters and %d route configurations", clusters, routes)
		})
	}
}

// take serves a golden, and fails the test unless the Envoy takes all of it. It returns how many clusters and route
// configurations that were.
func (p *proxy) take(m *meshPlane, objects, name string, number int) (clusters, routes int) {
	p.t.Helper()
	marker := fmt.Sprintf("marker-%d", number)
	objects += fmt.Sprintf("\n---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: marker}\nspec: {ports: [{port: 80}]}\n", marker)
	m.write(objects)
	world := must(files.Load(watch.Options{}, filepath.Join(m.dir, "objects.yaml")))(p.t)
	s, client := snapshot.New(world), mesh.Client{Kind: mesh.Envoy, Namespace: "demo"}
	if p.certified {
		client.Providers = mesh.MakeProviders(providers...)
	}
	wantClusters, wantRoutes := s.Names(snapshot.ClusterType, client), s.Names(snapshot.RouteType, client)
	var listeners []listener
	for _, r := range wantRoutes {
		listeners = append(listeners, listener{name: r, routes: r})
	}
	p.listen(listeners...)
	eventually(p.t, func() error {
		if refused := p.rejected(); refused != nil {
			p.t.Errorf("%s: %v; %v", name, refused, m.refused())
			return nil
		}
		// What was removed may stay for some seconds, so that calls in progress find it.
		for _, kind := range []struct {
			path string
			want []string
		}{
			{"/config_dump?resource=dynamic_active_clusters&mask=cluster.name", wantClusters},
			{"/config_dump?resource=dynamic_route_configs&mask=route_config.name", wantRoutes},
		} {
			got := p.names(kind.path)
			for _, want := range kind.want {
				if !slices.Contains(got, want) {
					return fmt.Errorf("%s: got %s, want %s", name, got, want)
				}
			}
		}
		return nil
	})
	if refused := m.refused(); refused != nil {
		p.t.Errorf("%s: %v", name, refused)
	}
	return len(wantClusters), len(wantRoutes)
}

// names returns the names in a part of Envoy's configuration, sorted.
func (p *proxy) names(path string) []string {
	p.t.Helper()
	text := must(p.get(path))(p.t)
	var names []string
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), `"name": "`); ok {
			names = append(names, strings.TrimRight(name, `",`))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
