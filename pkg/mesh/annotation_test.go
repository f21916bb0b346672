package mesh_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestAnnotationsAreDocumented looks for each annotation, its kinds of objects, and each balancer in
// docs/ANNOTATIONS.md.
func TestAnnotationsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/ANNOTATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, name := range mesh.Annotations() {
		anchor := strings.NewReplacer(".", "", "/", "").Replace(name)
		row := "| [`" + name + "`](#" + anchor + ") | " + strings.Join(mesh.AnnotatedKinds(name), ", ") + " | "
		if !strings.Contains(page, row) || !strings.Contains(page, "\n## "+name+"\n") {
			t.Errorf("%s: want a row %q and a section", name, row)
		}
	}
	for _, b := range mesh.Balancers() {
		if !strings.Contains(page, "\n| `"+string(b)+"` | ") {
			t.Errorf("%s: want a row", b)
		}
	}
	if len(mesh.Annotations()) != strings.Count(page, "\n## mizzen.dev/") {
		t.Error("the page has sections for annotations that do not exist")
	}
}
