//go:build interop

package interop

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = "../../docs/INTEROP.md"

// read returns the document: what is played with clients, and the parts that others write after it, about servers and by test/spring.
func read(t *testing.T) (own, others string) {
	t.Helper()
	page := string(must(os.ReadFile(document))(t))
	for _, title := range []string{serversTitle, springTitle} {
		if i := strings.Index(page, title); i >= 0 {
			return page[:i], page[i:]
		}
	}
	return page, ""
}

// springTitle begins what test/spring writes.
const springTitle = "\n## Spring Cloud applications\n"

const head = `# Interoperability

The same scenarios are played against the ` + "`controlplane`" + ` binary by small clients in four languages. Each client is a separate process that
calls real servers, uses xDS credentials, and is configured only by what ` + "`controlplane bootstrap`" + ` prints. After every call the control plane is asked
what its clients rejected. A scenario passes only if they rejected nothing. The scenarios and clients are in
[test/interop](../test/interop). [Older versions](#older-versions) are below. In addition, each client is sent every golden of the translator, with addresses of this machine, and must
accept all of it: both the control plane and the client itself must report that, the client by CSDS (client status discovery service). It declares the certificate
providers that the goldens name, so TLS settings are included. This page is written by ` + "`make interop UPDATE=-update`" + `, and compared by ` + "`make interop`" + `; do not edit it.
`

// psm are the tests of gRPC's own PSM interop suite (github.com/grpc/psm-interop), which runs in a cloud, with the
// scenarios that replace them here, or the reason why there is none.
var psm = []struct{ test, scenario, why string }{
	{"baseline_test", "psm/baseline_test", ""},
	{"api_listener_test", "psm/api_listener_test", ""},
	{"change_backend_service_test", "psm/change_backend_service_test", ""},
	{"remove_neg_test", "psm/remove_neg_test", ""},
	{"round_robin_test", "psm/round_robin_test", ""},
	{"failover_test", "failover", ""},
	{"circuit_breaking_test", "limit", ""},
	{"outlier_detection_test", "outlier", ""},
	{"affinity_test", "affinity", ""},
	{"custom_lb_test", "psm/custom_lb_test", ""},
	{"dualstack_test", "psm/dualstack_test", ""},
	{"subsetting_test", "subsets", ""},
	{"fallback_test, mid startup", "psm/fallback_test", ""},
	{"fallback_test, on startup", "psm/fallback_on_startup_test", ""},
	{"url_map/path_matching_test", "psm/path_matching_test", ""},
	{"url_map/header_matching_test", "psm/header_matching_test", ""},
	{"url_map/metadata_filter_test", "psm/metadata_filter_test", ""},
	{"url_map/fault_injection_test", "psm/fault_injection_test", ""},
	{"url_map/retry_test", "psm/retry_test", ""},
	{"url_map/timeout_test", "psm/timeout_test", ""},
	{"url_map/csds_test", "psm/csds_test", ""},
	{"url_map/affinity_test", "affinity", "; Istio's API hashes by one header, so the case of several is out"},
	{"authz_test, security_test", "", "servers in four languages are [below](#xds-servers)"},
	{"federation_test", "", "names of several authorities are not served"},
	{"app_net, cloud_run, gamma, csm_observability, bootstrap_generator", "", "they test a cloud's own interfaces"},
}

// report collects the results.
type report struct {
	scenarios []*scenario
	// mu guards the results: agents are the user agents of the clients, by language.
	mu     sync.Mutex
	agents map[string]string
	cells  map[string]bool
	// history is what came out for older versions the last time.
	history []record
}

func newReport(scenarios []*scenario, history []record) *report {
	return &report{scenarios: scenarios, agents: map[string]string{}, cells: map[string]bool{}, history: history}
}

// add records that a scenario had its expected result: it passed, or it failed as stated.
func (r *report) add(s *scenario, l *language, agent string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if agent != "" {
		r.agents[l.name] = agent
	}
	r.cells[s.name+" "+l.name] = true
}

// compare compares the report with the document, if all scenarios were run.
func (r *report) compare(t *testing.T) {
	t.Helper()
	if len(r.cells) != len(r.scenarios)*len(languages) {
		t.Logf("%d of %d results: %s is left alone", len(r.cells), len(r.scenarios)*len(languages), document)
		return
	}
	old, others := read(t)
	if *update {
		if err := os.WriteFile(document, []byte(r.text()+others), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(old, r.text()); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make interop UPDATE=-update`:\n%s", document, diff)
	}
}

func (r *report) text() string {
	var text, notes strings.Builder
	text.WriteString(head + "| scenario | what it shows |")
	for _, l := range languages {
		fmt.Fprintf(&text, " %s |", r.agents[l.name])
	}
	text.WriteString("\n|---|---|" + strings.Repeat("---|", len(languages)) + "\n")
	numbers, marks := map[string]int{}, map[string]string{}
	for _, s := range r.scenarios {
		var row strings.Builder
		fmt.Fprintf(&row, "| [%s](../test/interop/scenarios/%s.yaml) | %s |", s.name, s.name, s.About)
		for _, l := range languages {
			cell := "yes"
			if why := s.except(l); why != "" {
				cell = fmt.Sprintf("no (%d)", note(&notes, numbers, why))
			}
			fmt.Fprintf(&row, " %s |", cell)
			marks[s.name] += " " + cell + " |"
		}
		if !strings.HasPrefix(s.name, "psm/") {
			text.WriteString(row.String() + "\n")
		}
	}
	text.WriteString(r.psm(marks))
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	return text.String() + r.texts() + historyText(r.history)
}

// note returns the number of a note, and writes the note if it is new.
func note(notes *strings.Builder, numbers map[string]int, why string) int {
	if numbers[why] == 0 {
		numbers[why] = len(numbers) + 1
		fmt.Fprintf(notes, "%d. %s\n", numbers[why], why)
	}
	return numbers[why]
}

// psm is the table of the PSM suite. marks are the cells of each scenario.
func (r *report) psm(marks map[string]string) string {
	text := strings.Builder{}
	text.WriteString("\n## gRPC's own PSM interop suite\n\nIts tests run in a cloud. Those that need none are played here as scenarios under their names.\n" +
		"The last column is the suite's own client and servers, in Go, of 1.64.0, the last version that has them in its module. The client is asked what\n" +
		"the suite asks, by LoadBalancerStatsService, and no call of it may fail. It calls one target only, and plays the scenarios for which that is enough.\n\n| test | scenario |")
	for _, l := range languages {
		fmt.Fprintf(&text, " %s |", r.agents[l.name])
	}
	text.WriteString(" the suite's own, in Go |\n|---|---|" + strings.Repeat("---|", len(languages)+1) + "\n")
	about := map[string]string{}
	for _, s := range r.scenarios {
		about[s.name] = s.About
	}
	for _, row := range psm {
		if row.scenario == "" {
			fmt.Fprintf(&text, "| %s | out: %s |%s\n", row.test, row.why, strings.Repeat(" |", len(languages)+1))
			continue
		}
		own := ""
		if suiteScenarios[row.scenario] {
			own = " yes"
		}
		fmt.Fprintf(&text, "| %s | [%s](../test/interop/scenarios/%s.yaml): %s%s |%s%s |\n",
			row.test, row.scenario, row.scenario, about[row.scenario], row.why, marks[row.scenario], own)
	}
	return text.String()
}

// texts lists the texts of failing calls, if they differ by language.
func (r *report) texts() string {
	rows := map[string]string{}
	for _, s := range r.scenarios {
		for _, step := range s.Steps {
			for _, l := range languages {
				if said := step.Expect.Text[l.name]; said != "" {
					rows[s.name] += fmt.Sprintf("| %s | %s | `%s` |\n", s.name, r.agents[l.name], said)
				}
			}
		}
	}
	if len(rows) == 0 {
		return ""
	}
	text := "\n## What failing calls say\n\nWhere it differs by language; the text that a call ends with contains this.\n\n| scenario | client | text |\n|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		text += rows[name]
	}
	return text
}
