package presubmit

import (
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxModules is the maximum number of modules in the binary, without this module and the standard library. Lower it
// when one is removed.
const maxModules = 54

// unlinked are packages that must not be linked, nor the packages below them: each is easily imported and adds
// megabytes to the binary and to its memory. docs/adr/0015 states what is used instead.
var unlinked = map[string]string{
	"golang.org/x/net/trace":                "it has html/template look for methods by name, so that the linker keeps all methods of all types",
	"google.golang.org/grpc/xds":            "it has all of gRPC's client over xDS, which the demo alone needs, in a program apart",
	"html/template":                         "it looks for methods by name, so that the linker keeps all methods of all types",
	"k8s.io/client-go/discovery":            "it has every kind of Kubernetes",
	"k8s.io/client-go/gentype":              "it has what fakes need, and with them OpenAPI",
	"k8s.io/client-go/informers":            "it has every kind of Kubernetes",
	"k8s.io/client-go/kubernetes":           "it has every kind of Kubernetes",
	"k8s.io/client-go/tools/leaderelection": "it has every kind of Kubernetes",
}

func TestLinked(t *testing.T) {
	commands, err := dry(t, "build")
	if err != nil {
		t.Fatalf("make -n build: %v\n%s", err, commands)
	}
	if !strings.Contains(commands, "most=33554432;") {
		t.Errorf("make build does not fail above 32 MiB:\n%s", commands)
	}
	tags := regexp.MustCompile(`-tags (\S+)`).FindStringSubmatch(commands)
	if tags == nil {
		t.Fatalf("make build has no tags:\n%s", commands)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags[1],
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
