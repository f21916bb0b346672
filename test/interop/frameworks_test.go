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

// playFrameworks has setup.sh prepare the clients of frameworks, and those alone.
var playFrameworks = flag.Bool("frameworks", false, "have TestFrameworks play with clients whose channels a framework makes; run that test alone")

// framework is a client whose channels an application framework makes over a gRPC library.
type framework struct {
	language
	// title is its name. version follows marker in file.
	title, file, marker string
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
}

// frameworkScenarios are what is played with frameworks: what lies between an application and its gRPC library.
var frameworkScenarios = []string{"split", "routing", "unknown", "created", "churn", "restart", "encrypted"}

const (
	frameworksDocument = "../../docs/clients/FRAMEWORKS.md"
	frameworksHead     = `# Frameworks

Applications make their channels with these frameworks over a gRPC library, and follow the mesh by a target ` + "`xds:///NAME`" + `. Each row was played against the
` + "`controlplane`" + ` binary with a separate process that calls real servers, which count the calls. This page is written by ` + "`make frameworks UPDATE=-update`" + `, and compared by
` + "`make frameworks`" + `; do not edit it.

`
	mtlsAbout = "a server with mTLS, STRICT and a policy sees the client's identity, and refuses a client whose account the policy does not name"
)

// TestFrameworks plays scenarios with frameworks, and compares what came out with docs/clients/FRAMEWORKS.md.
func TestFrameworks(t *testing.T) {
	if !*playFrameworks {
		t.Skip("make frameworks runs it")
	}
	agents, scenarios := map[string]string{}, baseScenarios(t)
	scenarios = slices.DeleteFunc(scenarios, func(s *scenario) bool { return !slices.Contains(frameworkScenarios, s.name) })
	if len(scenarios) != len(frameworkScenarios) {
		t.Fatalf("got %d scenarios, want %q", len(scenarios), frameworkScenarios)
	}
	played := 0
	for _, f := range frameworks {
		for _, s := range scenarios {
			t.Run(f.name+"/"+s.name, func(t *testing.T) {
				agents[f.name] = checkExpectation(t, s, &f.language)
				played++
			})
		}
		t.Run(f.name+"/mtls", func(t *testing.T) {
			callServers(t, f)
			played++
		})
	}
	if t.Failed() || played != len(frameworks)*(len(scenarios)+1) {
		t.Logf("not all was played: %s is left alone", frameworksDocument)
		return
	}
	text := frameworksText(t, scenarios, agents)
	if *update {
		if err := os.WriteFile(frameworksDocument, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(must(os.ReadFile(frameworksDocument))(t)), text); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make frameworks UPDATE=-update`:\n%s", frameworksDocument, diff)
	}
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

func frameworksText(t *testing.T, scenarios []*scenario, agents map[string]string) string {
	t.Helper()
	var text, notes strings.Builder
	text.WriteString(frameworksHead + "| scenario | what it shows |")
	for _, f := range frameworks {
		found := regexp.MustCompile(regexp.QuoteMeta(f.marker) + `([0-9][0-9.]*)`).FindSubmatch(must(os.ReadFile(f.file))(t))
		if found == nil {
			t.Fatalf("%s has no version of %s", f.file, f.title)
		}
		fmt.Fprintf(&text, " %s %s, %s |", f.title, found[1], agents[f.name])
	}
	text.WriteString("\n|---|---|" + strings.Repeat("---|", len(frameworks)) + "\n")
	numbers := map[string]int{}
	for _, s := range scenarios {
		fmt.Fprintf(&text, "| [%s](../../test/interop/scenarios/%s.yaml) | %s |", s.name, s.name, s.About)
		for _, f := range frameworks {
			cell := "yes"
			if why := s.except(&f.language); why != "" {
				cell = fmt.Sprintf("no (%d)", note(&notes, numbers, why))
			}
			fmt.Fprintf(&text, " %s |", cell)
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "| [mTLS](../MTLS.md) | %s |%s\n", mtlsAbout, strings.Repeat(" yes |", len(frameworks)))
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	return text.String()
}
