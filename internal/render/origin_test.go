package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestCommentsStandAboveTheirParts(t *testing.T) {
	at := func(field string) mesh.FieldLocation {
		return mesh.FieldLocation{Object: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}, Field: field, Source: "a.yaml:1"}
	}
	resource := Resource{
		Name: "r", Resource: []byte(`{"hosts":[{"routes":[{"b":1,"a":2},{"a":3}]}],"name":"r"}`),
		Origins: []Origin{
			{"", at("")},
			{"hosts[0].routes[1]", at("second")},
			{"hosts[0].routes[1]", at("dele\ngates")},
			{"hosts[0].routes[0].b", at("b")},
			{"hosts[0].routes[7].c", at("none")},
			{"absent", at("setting")},
		},
	}
	got, err := commented(resource)
	if err != nil {
		t.Fatal(err)
	}
	want := `# VirtualService demo/echo (a.yaml:1)
# VirtualService demo/echo setting (a.yaml:1)
resource:
  hosts:
  # VirtualService demo/echo none (a.yaml:1)
  - routes:
    - a: 2
      # VirtualService demo/echo b (a.yaml:1)
      b: 1
    # VirtualService demo/echo second (a.yaml:1)
    # VirtualService demo/echo dele\ngates (a.yaml:1)
    - a: 3
  name: r
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
	// Without its comments it is equal to the output without origins.
	resource.Origins = nil
	plain, err := commented(resource)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(got)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			kept.WriteString(line)
		}
	}
	if diff := cmp.Diff(string(plain), kept.String()); diff != "" {
		t.Errorf("YAML without comments (-plain +explained):\n%s", diff)
	}
}
