//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/hack/mizzen-conformance/kit"
)

const (
	conformanceDocument = "../../docs/CONFORMANCE.md"
	// conformanceTable begins the section of the results, and conformanceRust the one of the client that -rust plays.
	conformanceTable = "\n## Results\n\n"
	conformanceRust  = "\n## Results of tonic-xds\n\n"
)

// TestConformance has the clients undergo the checks of hack/mizzen-conformance, and compares the results with docs/CONFORMANCE.md.
func TestConformance(t *testing.T) {
	var columns [][]kit.Result
	section, clients := conformanceTable, append(slices.Clone(languages), frameworkClient(t))
	if *playRust {
		section, clients = conformanceRust, []*language{languageOf("tonic")}
	}
	for _, l := range clients {
		t.Run(l.name, func(t *testing.T) {
			if testing.Short() && (l.kind == "java" || l.kind == "node") {
				t.Skip("with -short: it takes two minutes")
			}
			checks := must(kit.Checks())(t)
			if testing.Short() && l.agent == frameworkAgent { // It takes a minute; tests of the module have streams refused, too.
				checks = slices.DeleteFunc(checks, func(c *kit.Check) bool { return c.ID == "back-off-first" })
			}
			results := kit.Run(&kit.Program{Argv: cached(l.name, l.argv), Env: cached(l.name, l.env)}, checks, kit.Options{Parallel: 4, Patience: 20 * time.Second})
			for _, line := range kit.Unexpected(results) {
				t.Error(line)
			}
			if i := slices.IndexFunc(results, func(r kit.Result) bool { return !strings.HasPrefix(r.Client, l.agent) }); i >= 0 {
				t.Fatalf("%s: got the client %q, want %s", results[i].Check.ID, results[i].Client, l.agent)
			}
			columns = append(columns, results)
		})
	}
	if t.Failed() || len(columns) != len(clients) {
		t.Logf("not all came out as known: %s is left alone", conformanceDocument)
		return
	}
	old := string(must(os.ReadFile(conformanceDocument))(t))
	head, rest, found := strings.Cut(old, section)
	if !found {
		t.Fatalf("%s has no section%s", conformanceDocument, section)
	}
	text := head + section + kit.Markdown(columns)
	if i := strings.Index(rest, "\n## "); i >= 0 {
		text += rest[i:]
	}
	if *update {
		if err := os.WriteFile(conformanceDocument, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(old, text); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make conformance-clients UPDATE=-update`:\n%s", conformanceDocument, diff)
	}
}

// frameworkAgent is the user agent of integrations/go.
const frameworkAgent = "mizzen-go"

// frameworkClient is the client of integrations/go, which is a module apart.
func frameworkClient(t *testing.T) *language {
	program := filepath.Join(t.TempDir(), "kitclient")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./internal/kitclient")
	build.Dir = "../../integrations/go"
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return &language{name: "mizzen-go", argv: []string{program}, agent: frameworkAgent}
}
