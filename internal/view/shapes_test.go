package view_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/view"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

var update = flag.Bool("update", false, "rewrite testdata/shapes.txt")

// shape adds the paths of a JSON value with their types to found. Maps whose keys are data have the key *.
func shape(found map[string]bool, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if strings.HasSuffix(path, "labels") {
				key = "*"
			}
			shape(found, path+"."+key, inner)
		}
	case []any:
		for _, inner := range v {
			shape(found, path+"[]", inner)
		}
	default:
		found[fmt.Sprintf("%s %T", path, value)] = true
	}
}

// TestGoldenShapes keeps the JSON that pages, and other programs, rely on: a field that is renamed or goes is seen here.
func TestGoldenShapes(t *testing.T) {
	golden, err := filepath.Abs("testdata/shapes.txt") // before the test changes its directory
	if err != nil {
		t.Fatal(err)
	}
	f := start(t)
	publish(t, f.store, objects, 3)
	f.edges = []load.Edge{{
		Source: load.Source{Namespace: "shop", Workload: "unproved", Unproved: true}, Destination: load.Destination{Service: "cart", Namespace: "shop", Port: 80}, Reported: time.Unix(1, 0).UTC(),
	}}
	c := f.connect("web", "shop")
	defer c.Close()
	c.subscribe(snapshot.RouteType, "", "outbound|80||"+cart)
	publish(t, f.store, strings.ReplaceAll(objects, "name: split", "name: divided"), 4)
	c.take(snapshot.RouteType, "no", "outbound|80||"+cart)
	c.subscribe(snapshot.ListenerType, "", "crat:80")
	var list view.ClientList
	f.get(t, "/api/streams", http.StatusOK, &list)
	var text strings.Builder
	for path, want := range map[string]int{
		"/api/about": http.StatusOK, "/api/codes": http.StatusOK, "/api/hosts": http.StatusOK, "/api/hosts/" + cart: http.StatusOK, "/api/hosts/cat.shop.svc.cluster.local": http.StatusNotFound,
		"/api/streams": http.StatusOK, "/api/streams/" + list.Clients[0].ID: http.StatusOK,
	} {
		var body any
		f.get(t, path, want, &body)
		found := map[string]bool{}
		shape(found, strings.NewReplacer(list.Clients[0].ID, "ID", cart, "HOST", "cat.shop.svc.cluster.local", "UNKNOWN").Replace(path), body)
		for _, line := range slices.Sorted(maps.Keys(found)) {
			text.WriteString(line + "\n")
		}
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(wanted), got); diff != "" {
		t.Errorf("shapes (-want +got):\n%s", diff)
	}
}
