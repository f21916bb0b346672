//go:build interop

package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
)

// playFrameworks has setup.sh prepare the clients of frameworks, and playRust the one of tonic-xds, and those alone.
var (
	playFrameworks = flag.Bool("frameworks", false, "have TestFrameworks play with clients whose channels a framework makes; run that test alone")
	playRust       = flag.Bool("rust", false, "have TestFrameworks and TestConformance play with tonic-xds alone; run no other tests")
)

// framework is a client whose channels an application framework makes over a gRPC library, or with an xDS client of its own.
type framework struct {
	language
	// title is its name. version follows marker in file.
	title, file, marker string
	// slow is set if it takes so long to build that it is played with -rust alone.
	slow bool
}

var frameworks = []*framework{
	{
		language: language{name: "kratos", kind: "kratos", argv: []string{"CACHE/kratos"}, agent: "gRPC Go"},
		title:    "Kratos", file: "clients/frameworks/go.mod", marker: "github.com/go-kratos/kratos/v2 v",
	},
	{
		language: language{name: "gozero", kind: "gozero", argv: []string{"CACHE/gozero"}, agent: "gRPC Go"},
		title:    "go-zero", file: "clients/frameworks/go.mod", marker: "github.com/zeromicro/go-zero v",
	},
	{
		language: language{
			name: "springgrpc", kind: "springgrpc", agent: "gRPC Java",
			argv: []string{"java", "-XX:TieredStopAtLevel=1", "-cp", "CACHE/classes:CACHE/lib/*", "interop.Application"},
		},
		title: "Spring gRPC", file: "clients/springgrpc/pom.xml", marker: "<spring-grpc.version>",
	},
	{
		language: language{
			name: "armeria", kind: "armeria", agent: "Armeria",
			argv: []string{"java", "-XX:TieredStopAtLevel=1", "-cp", "CACHE/classes:CACHE/lib/*", "interop.Client"},
		},
		title: "Armeria", file: "clients/armeria/pom.xml", marker: "<armeria.version>",
	},
	{
		language: language{name: "tonic", kind: "tonic", argv: []string{"CACHE/client"}, agent: "gRPC Rust"},
		title:    "tonic-xds", file: "clients/rust/Cargo.toml", marker: `tonic-xds = { version = "=`, slow: true,
	},
}

// frameworkScenarios are what is played with frameworks: what lies between an application and its gRPC library.
var frameworkScenarios = []string{"split", "routing", "unknown", "created", "churn", "restart", "encrypted"}

const (
	frameworksDocument = "../../docs/clients/FRAMEWORKS.md"
	frameworksHead     = `# Frameworks

Applications make their channels with these frameworks over a gRPC library, and follow the mesh by a target ` + "`xds:///NAME`" + `. Armeria and tonic-xds have their own xDS client. Each row was played against the
` + "`controlplane`" + ` binary with a separate process that calls real servers, which count the calls. This page is written by ` + "`make frameworks UPDATE=-update`" + `, and compared by
` + "`make frameworks`" + `; the column of tonic-xds by ` + "`make interop-rust`" + `. Do not edit it.

`
	mtlsAbout = "a server with mTLS, STRICT and a policy sees the client's identity, and refuses a client whose account the policy does not name"
)

// TestFrameworks plays scenarios with frameworks, and compares what came out with docs/clients/FRAMEWORKS.md.
func TestFrameworks(t *testing.T) {
	if !*playFrameworks && !*playRust {
		t.Skip("make frameworks and make interop-rust run it")
	}
	agents, scenarios := map[string]string{}, baseScenarios(t)
	scenarios = slices.DeleteFunc(scenarios, func(s *scenario) bool { return !slices.Contains(frameworkScenarios, s.name) })
	if len(scenarios) != len(frameworkScenarios) {
		t.Fatalf("got %d scenarios, want %q", len(scenarios), frameworkScenarios)
	}
	played, all := 0, 0
	play := func(name string, do func(*testing.T)) {
		all++
		t.Run(name, func(t *testing.T) {
			do(t)
			played++
		})
	}
	for _, f := range frameworks {
		if f.slow != *playRust {
			continue
		}
		for _, s := range scenarios {
			play(f.name+"/"+s.name, func(t *testing.T) {
				agents[f.name] = orElse(checkExpectation(t, s, &f.language), agents[f.name])
			})
		}
		if unencrypted(scenarios, f) == "" {
			play(f.name+"/mtls", func(t *testing.T) { callServers(t, f) })
		}
	}
	if t.Failed() || played != all {
		t.Logf("not all was played: %s is left alone", frameworksDocument)
		return
	}
	page := string(must(os.ReadFile(frameworksDocument))(t))
	text := frameworksText(t, scenarios, agents, page)
	if *update {
		if err := os.WriteFile(frameworksDocument, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, text); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make frameworks UPDATE=-update`, and `make interop-rust UPDATE=-update` for tonic-xds:\n%s", frameworksDocument, diff)
	}
}

// unencrypted says why a framework does not encrypt calls; it is empty for most.
func unencrypted(scenarios []*scenario, f *framework) string {
	return scenarios[slices.IndexFunc(scenarios, func(s *scenario) bool { return s.name == "encrypted" })].except(&f.language)
}

// callServers has two accounts call a server by xDS with a policy that names one of them.
func callServers(t *testing.T, f *framework) {
	t.Helper()
	fleet := newFleet(t, allow("web"))
	fleet.start(&serverKind{name: "go", cache: "kratos", argv: []string{"CACHE/server", "ADDRESS"}, host: "[::]"},
		pod{name: "echo-1", service: "echo", version: "v1", identity: true, xds: true})
	fleet.publish()
	if err := newProber(t, fleet.any().local(), credentialsOf(fleet.mesh.Pod("shop", "web")), origin{}).awaitCode(probe{}, codes.OK); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]codes.Code{"web": codes.OK, "jobs": codes.PermissionDenied} {
		outcomes, err := fleet.client(&f.language, account).call(&callSpec{To: "echo", Method: defaultMethod, Count: 20, Parallel: 4, Timeout: duration(patience)})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			var got served
			if codes.Code(o.Code) != want || want == codes.OK && (json.Unmarshal([]byte(o.Body), &got) != nil || got.Peer != peer) {
				t.Errorf("a call by the account %s ended with %+v, want %v, and %s as its client", account, o, want, peer)
			}
		}
	}
}

// column is the title of a framework's column. One that was not played has it from the page, and has none if its version is another there.
func (f *framework) column(t *testing.T, agent, page string) string {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(f.marker) + `([0-9][0-9A-Za-z.-]*)`).FindSubmatch(must(os.ReadFile(f.file))(t))
	if found == nil {
		t.Fatalf("%s has no version of %s", f.file, f.title)
	}
	name := fmt.Sprintf("%s %s", f.title, found[1])
	switch agent {
	case "":
		return regexp.MustCompile(regexp.QuoteMeta(name) + `(, [^|]*[^| ])?`).FindString(page)
	case name:
		return name
	}
	return name + ", " + agent
}

func frameworksText(t *testing.T, scenarios []*scenario, agents map[string]string, page string) string {
	t.Helper()
	var text, notes strings.Builder
	text.WriteString(frameworksHead + "| scenario | what it shows |")
	var shown []*framework
	for _, f := range frameworks {
		if column := f.column(t, agents[f.name], page); column != "" {
			text.WriteString(" " + column + " |")
			shown = append(shown, f)
		}
	}
	text.WriteString("\n|---|---|" + strings.Repeat("---|", len(shown)) + "\n")
	numbers := map[string]int{}
	row := func(name, about string, except func(*framework) string) {
		fmt.Fprintf(&text, "| %s | %s |", name, about)
		for _, f := range shown {
			cell := "yes"
			if why := except(f); why != "" {
				cell = fmt.Sprintf("no (%d)", note(&notes, numbers, why))
			}
			text.WriteString(" " + cell + " |")
		}
		text.WriteString("\n")
	}
	for _, s := range scenarios {
		row(fmt.Sprintf("[%s](../../test/interop/scenarios/%[1]s.yaml)", s.name), s.About, func(f *framework) string { return s.except(&f.language) })
	}
	row("[mTLS](../MTLS.md)", mtlsAbout, func(f *framework) string { return unencrypted(scenarios, f) })
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	return text.String()
}
