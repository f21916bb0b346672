package presubmit

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// maxModules is how many modules may be linked into the binary, this one and the standard library not counted. Lower it when one goes.
const maxModules = 55

// unlinked are packages that may not be linked, nor what is below them: each is imported in one line and weighs megabytes, in the
// binary and in memory. docs/adr/0015 says what is used in their place.
var unlinked = map[string]string{
	"golang.org/x/net/trace":                "it has html/template look for methods by name, so that the linker keeps all methods of all types",
	"html/template":                         "it looks for methods by name, so that the linker keeps all methods of all types",
	"k8s.io/client-go/discovery":            "it has every kind of Kubernetes",
	"k8s.io/client-go/gentype":              "it has what fakes need, and with them OpenAPI",
	"k8s.io/client-go/informers":            "it has every kind of Kubernetes",
	"k8s.io/client-go/kubernetes":           "it has every kind of Kubernetes",
	"k8s.io/client-go/tools/leaderelection": "it has every kind of Kubernetes",
}

func TestLinked(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "grpcnotrace",
		"-f", "{{.ImportPath}} {{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "../../cmd/controlplane")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	modules := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, module, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if module != "" {
			modules[module] = true
		}
		for not, why := range unlinked {
			if path == not || strings.HasPrefix(path, not+"/") {
				t.Errorf("the binary links %s: %s", path, why)
			}
		}
	}
	if len(modules) < 20 || len(modules) > maxModules {
		t.Errorf("the binary links %d modules, want at most %d:\n%s", len(modules), maxModules, strings.Join(slices.Sorted(maps.Keys(modules)), "\n"))
	}
}
