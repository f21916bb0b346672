//go:build spring

package spring

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// document has the results below these headings. What is before belongs to test/interop.
const (
	document      = "../../docs/INTEROP.md"
	matrixHeading = "\n## Spring Cloud applications\n"
	trainsHeading = "\n## Other trains of Spring Cloud\n"
)

// cell is one result: a scenario with a client of a train on a JDK.
type cell struct{ train, client, jdk, why string }

// report has what was played.
type report struct {
	stacks []stack
	mu     sync.Mutex // protects cells
	cells  map[string][]cell
}

// add records that a scenario passed, or why it is not played.
func (r *report) add(s *scenario, scene *scene, jdk, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cells[s.name] = append(r.cells[s.name], cell{scene.train, scene.library, jdk, why})
}

// compare compares the text below a heading of the document, if everything was played.
func (r *report) compare(t *testing.T, heading, text string) {
	t.Helper()
	if t.Failed() || *only != "" || *agentFlag != "" || len(absent) > 0 {
		t.Logf("not everything passed or was played: %s is left alone", document)
		return
	}
	want := 0
	for _, s := range r.stacks {
		want += len(s.clients) * len(s.jdks)
	}
	for _, s := range scenarios {
		if got := len(r.cells[s.name]); got != want {
			t.Logf("%s has %d of %d results: %s is left alone", s.name, got, want, document)
			return
		}
	}
	page, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, written, _ := strings.Cut(string(page), heading)
	after := ""
	if end := strings.Index(written, "\n## "); end >= 0 {
		written, after = written[:end], written[end:]
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+heading+text+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(written, text); diff != "" {
		t.Errorf("%s differs from the results (-written +got); run `make interop-java UPDATE=-update`:\n%s", document, diff)
	}
}

var columns = slices.Concat(libraries, gateways)

// trains returns the part about the trains between those of the matrix.
func (r *report) trains() string {
	return `
The same scenarios passed with these trains. They are not part of CI: ` + "`make interop-java TRAINS=-trains UPDATE=-update`" + ` runs them and writes this part of the page.

` + r.applications()
}

// applications returns the table of what was run.
func (r *report) applications() string {
	var text strings.Builder
	text.WriteString("| train | Spring Boot | application | clients | JDK |\n|---|---|---|---|---|\n")
	for _, s := range r.stacks {
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", s.train, s.boot, s.jar, strings.Join(s.clients, ", "),
			strings.ReplaceAll(strings.Join(s.jdks, ", "), "jdk", ""))
	}
	return text.String()
}

// matrix returns the part about the trains of the matrix.
func (r *report) matrix() string {
	var text strings.Builder
	text.WriteString(`
Stock applications with the [Java agent](SPRING.md) call real servers, as [test/spring](../test/spring) starts them; ` + "`make interop-java UPDATE=-update`" + ` writes this part of the page.
Rows with "starter" have [the dependency](SPRING.md#as-a-dependency) in place of the agent; boot35-aot was processed ahead of time.
The trains of Spring Cloud, the JDKs on which each was run, and its clients:

`)
	text.WriteString(r.applications())
	text.WriteString("\nA cell is `yes` if the scenario passed with all trains and JDKs that have the client.\n\n| scenario | what it shows | " +
		strings.Join(columns, " | ") + " |\n|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	var notes []string
	for _, s := range scenarios {
		fmt.Fprintf(&text, "| %s | %s |", s.name, s.about)
		for _, column := range columns {
			fmt.Fprintf(&text, " %s |", r.cell(s, column, &notes))
		}
		text.WriteString("\n")
	}
	text.WriteString("\n")
	for i, note := range notes {
		fmt.Fprintf(&text, "%d. %s\n", i+1, note)
	}
	return text.String()
}

// cell returns what a client did in all trains. Reasons are numbered.
func (r *report) cell(s *scenario, client string, notes *[]string) string {
	whys := map[string][]string{}
	for _, c := range r.cells[s.name] {
		if c.client == client && !slices.Contains(whys[c.why], c.train) {
			whys[c.why] = append(whys[c.why], c.train)
		}
	}
	var parts []string
	if len(whys[""]) > 0 {
		parts = append(parts, "yes")
	}
	for _, s := range r.stacks {
		for why, trains := range whys {
			if why == "" || trains[0] != s.train || !slices.Contains(s.clients, client) {
				continue
			}
			if !slices.Contains(*notes, why) {
				*notes = append(*notes, why)
			}
			part := fmt.Sprintf("no (%d)", slices.Index(*notes, why)+1)
			if len(whys) > 1 {
				part = strings.Join(trains, ", ") + ": " + part
			}
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return strings.Join(parts, "; ")
}
