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

// candidate is a client that undergoes the checks.
type candidate struct {
	// name is that of its test, and agent the beginning of its user agent.
	name, agent string
	// program prepares it.
	program func(t *testing.T) *kit.Program
	// wildcard is set if it subscribes to all Listeners and clusters.
	wildcard bool
	// long is set if it is left out with -short.
	long bool
}

// candidates are the columns of the table.
func candidates() []candidate {
	var all []candidate
	for _, l := range languages {
		all = append(all, candidateOf(l))
	}
	return append(all,
		candidate{name: "mizzen-go", agent: frameworkAgent, program: frameworkClient},
		candidate{name: "java-agent", agent: "mizzen-java-agent", program: agentClient, long: true},
		// With -short, make e2e-envoy has the second one undergo the checks.
		candidate{name: "envoy", agent: "envoy", program: envoyClient("GRPC"), wildcard: true, long: true},
		candidate{name: "envoy-incremental", agent: "envoy", program: envoyClient("DELTA_GRPC"), wildcard: true, long: true},
	)
}

// candidateOf is the client of a language.
func candidateOf(l *language) candidate {
	program := func(*testing.T) *kit.Program {
		return &kit.Program{Argv: cached(l.name, l.argv), Env: cached(l.name, l.env)}
	}
	return candidate{name: l.name, agent: l.agent, program: program, long: l.kind == "java" || l.kind == "node"}
}

// TestConformance has the clients undergo the checks of hack/mizzen-conformance, and compares the results with docs/CONFORMANCE.md.
func TestConformance(t *testing.T) {
	var columns [][]kit.Result
	section, clients := conformanceTable, candidates()
	if *playRust {
		section, clients = conformanceRust, []candidate{candidateOf(languageOf("tonic"))}
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.long {
				t.Skip("with -short: it takes half a minute or more")
			}
			checks := must(kit.Checks())(t)
			if testing.Short() && c.agent == frameworkAgent { // It takes a minute; tests of the module have streams refused, too.
				checks = slices.DeleteFunc(checks, func(c *kit.Check) bool { return c.ID == "back-off-first" })
			}
			results := kit.Run(c.program(t), checks, kit.Options{Parallel: 4, Patience: 20 * time.Second, Wildcard: c.wildcard})
			for _, line := range kit.Unexpected(results) {
				t.Error(line)
			}
			if i := slices.IndexFunc(results, func(r kit.Result) bool { return !strings.HasPrefix(r.Client, c.agent) }); i >= 0 {
				t.Fatalf("%s: got the client %q, want %s", results[i].Check.ID, results[i].Client, c.agent)
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
func frameworkClient(t *testing.T) *kit.Program {
	return &kit.Program{Argv: []string{built(t, "../../integrations/go", "./internal/kitclient")}}
}

// built builds a program in Go.
func built(t *testing.T, dir, path string) string {
	program := filepath.Join(t.TempDir(), filepath.Base(path))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, path)
	build.Dir = dir
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// agentClient is the JDK's HTTP client with the Java agent, which make conformance-clients builds. It waits longer than 5 s for a first
// answer, by which the table tells its timer, and no name server is asked for a host that the mesh does not know.
func agentClient(t *testing.T) *kit.Program {
	jar := must(filepath.Abs("../../agents/java/agent/target/mizzen-agent.jar"))(t)
	classes := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "javac", "--release", "11", "-d", classes, "clients/javaagent/Client.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	hosts := filepath.Join(classes, "hosts")
	if err := os.WriteFile(hosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return &kit.Program{Argv: []string{
		"java", "-XX:TieredStopAtLevel=1", "-Djdk.net.hosts.file=" + hosts, "-javaagent:" + jar, "-Dmizzen.plain=kit.test,missing.test", "-Dmizzen.wait=10s", "-cp", classes, "Client",
	}}
}

// envoyClient is an Envoy by one of the two protocols.
func envoyClient(protocol string) func(t *testing.T) *kit.Program {
	return func(t *testing.T) *kit.Program {
		binary, err := exec.CommandContext(t.Context(), "../envoy/setup.sh").Output()
		if err != nil {
			t.Fatalf("set up Envoy: %v", err)
		}
		return &kit.Program{Argv: []string{built(t, ".", "./clients/envoy"), strings.TrimSpace(string(binary)), protocol}}
	}
}
