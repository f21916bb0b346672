//go:build interop

package interop

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = "../../docs/INTEROP.md"

const head = `# Interoperability

The same scenarios, played against the ` + "`controlplane`" + ` binary by small clients in four languages: each a process of its own, which
calls real servers and has nothing but what ` + "`controlplane bootstrap`" + ` prints. After every call the control plane is asked
what its clients refused, and a scenario passes only if that is nothing. The scenarios and clients are in
[test/interop](../test/interop). Besides, each client is sent every golden of the translator whose addresses can stand on one machine, and must
accept all of it: so say the control plane, and each client itself by CSDS, its client status discovery service. This page is written by ` + "`make interop UPDATE=-update`" + `, and compared by ` + "`make interop`" + `; do not edit it.

`

// report collects what passed.
type report struct {
	scenarios []*scenario
	// agents are what the clients call themselves, by language.
	agents map[string]string
	cells  map[string]bool
}

func newReport(scenarios []*scenario) *report {
	return &report{scenarios: scenarios, agents: map[string]string{}, cells: map[string]bool{}}
}

// add notes that a scenario was as told: it passed, or it could not.
func (r *report) add(s *scenario, l *language, agent string) {
	if agent != "" {
		r.agents[l.name] = agent
	}
	r.cells[s.name+" "+l.name] = true
}

// compare holds the report against the document if everything was played.
func (r *report) compare(t *testing.T) {
	t.Helper()
	if len(r.cells) != len(r.scenarios)*len(languages) {
		t.Logf("%d of %d results: %s is left alone", len(r.cells), len(r.scenarios)*len(languages), document)
		return
	}
	if *update {
		if err := os.WriteFile(document, []byte(r.text()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(old), r.text()); diff != "" {
		t.Errorf("%s is not what came out (-written +got); run `make interop UPDATE=-update`:\n%s", document, diff)
	}
}

func (r *report) text() string {
	var text, notes strings.Builder
	text.WriteString(head + "| scenario | what it shows |")
	for _, l := range languages {
		fmt.Fprintf(&text, " %s |", r.agents[l.name])
	}
	text.WriteString("\n|---|---|" + strings.Repeat("---|", len(languages)) + "\n")
	count := 0
	for _, s := range r.scenarios {
		fmt.Fprintf(&text, "| [%s](../test/interop/scenarios/%s.yaml) | %s |", s.name, s.name, s.About)
		for _, l := range languages {
			cell := "yes"
			if why := s.Except[l.name]; why != "" {
				count++
				cell = fmt.Sprintf("no (%d)", count)
				fmt.Fprintf(&notes, "%d. %s\n", count, strings.TrimSpace(why))
			}
			fmt.Fprintf(&text, " %s |", cell)
		}
		text.WriteString("\n")
	}
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	return text.String() + r.texts()
}

// texts lists what failing calls say, where that differs by language.
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
