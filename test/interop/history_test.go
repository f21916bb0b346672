//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// historyFile is what came out. docs/INTEROP.md and docs/FIELDS.md are made from it.
const historyFile = "history.json"

// record is what came out for one version of a client.
type record struct {
	// Client is its kind and minor version, such as go-1.48, or the kind alone for the current version. Agent is what it calls itself.
	Client string `json:"client"`
	Agent  string `json:"agent,omitempty"`
	// Absent says why it was not run.
	Absent string `json:"absent,omitempty"`
	// Goldens says that it acknowledged all of them, Scenarios that it played all base scenarios as they are written, but for Except, which says
	// why it cannot.
	Goldens   bool              `json:"goldens"`
	Scenarios bool              `json:"scenarios"`
	Except    map[string]string `json:"except,omitempty"`
	// Features says of each feature whether the client has it, when it is sent the newest form of everything.
	Features map[string]bool `json:"features,omitempty"`
}

// feature is something that only some versions have, with the scenario that shows it. It is sent in the newest form, but what says
// told in the form that the version of the client is sent: it needs other features besides.
type feature struct {
	name, scenario string
	told           bool
}

var features = []feature{
	{name: "A27", scenario: "failover"},
	{name: "A28", scenario: "split"},
	{name: "A29", scenario: "encrypted"},
	{name: "A31", scenario: "timeout"},
	{name: "A32", scenario: "limit"},
	{name: "A33", scenario: "fault", told: true},
	{name: "A42", scenario: "affinity", told: true},
	{name: "A44", scenario: "retry", told: true},
	{name: "A48", scenario: "features/least-request"},
	{name: "A50", scenario: "outlier"},
	{name: "A52", scenario: "affinity"},
	{name: "A58", scenario: "features/load-reports"},
	{name: "A62", scenario: "features/pick-first"},
	{name: "A63", scenario: "routing"},
	{name: "partial virtual hosts", scenario: "features/partial"},
	{name: "content-type", scenario: "features/content-type", told: true},
}

// TestHistory has old clients take every golden and play the base scenarios, one version of each kind, or with -history all of them. Then
// it finds out which features each version has, too. It holds what came out against history.json. Several kinds are run at a time.
func TestHistory(t *testing.T) {
	clients := older
	if *history {
		clients = slices.Concat(older, languages)
	}
	h := &recorder{}
	// Returns once all are done, which run in parallel.
	t.Run("clients", func(t *testing.T) {
		for _, current := range languages {
			t.Run(current.name, func(t *testing.T) {
				t.Parallel()
				for _, l := range clients {
					if l.kind == current.kind {
						t.Run(l.name, func(t *testing.T) { h.add(t, recordOf(t, l)) })
					}
				}
			})
		}
	})
	h.compare(t)
}

// recordOf runs one client.
func recordOf(t *testing.T, l *language) record {
	r := record{Client: l.name, Absent: absent[l.name]}
	if r.Absent != "" {
		return r
	}
	if caches[l.name] == "" {
		t.Fatal("the client could not be set up: see what setup.sh says above")
	}
	r.Except = map[string]string{}
	t.Run("goldens", func(t *testing.T) {
		acceptGoldens(t, l)
		r.Goldens = !t.Failed()
	})
	played, scenarios := 0, baseScenarios(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			agent := checkExpectation(t, s, l)
			r.Agent = orElse(r.Agent, agent)
			if why := s.except(l); why != "" {
				r.Except[s.name] = why
			}
			if !t.Failed() {
				played++
			}
		})
	}
	r.Scenarios = played == len(scenarios)
	if *history {
		r.Features = featuresOf(t, l)
	}
	return r
}

// featuresOf finds out which features a client has.
func featuresOf(t *testing.T, l *language) map[string]bool {
	all := map[string]*scenario{}
	for _, s := range loadFolders(t, "scenarios", "scenarios/features") {
		all[s.name] = s
	}
	has := map[string]bool{}
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			// What is seen once is there. What is not may only be slow.
			for attempt := 0; attempt < 2 && !has[f.name]; attempt++ {
				err := f.probe(t, l, all[f.scenario])
				has[f.name] = err == nil
				t.Logf("%s: %v", f.name, err)
			}
		})
	}
	return has
}

// tolerance is how long a feature may take to show.
const tolerance = 16 * time.Second

// probe says why the client does not show a feature; nil if it does.
func (f feature) probe(t *testing.T, l *language, s *scenario) error {
	if f.told && s.except(l) != "" {
		return fmt.Errorf("%s", s.except(l))
	}
	_, err := (&run{t: t, scenario: s, language: l, backends: map[string]*backend{}, patience: tolerance, probe: true, told: f.told}).play()
	return err
}

// recorder collects what came out.
type recorder struct {
	mu  sync.Mutex
	all []record
}

// add takes a record. With -update it is written at once if it passed, so that a job which is ended keeps what was done.
func (h *recorder) add(t *testing.T, r record) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, r)
	if *history && *update && r.passed() {
		written := slices.DeleteFunc(readHistory(t), func(old record) bool { return old.Client == r.Client })
		written = append(written, r)
		slices.SortFunc(written, compareRecords)
		writeHistory(t, written)
	}
}

// passed says that everything was played, and came out as it must. With -run, less may have been played.
func (r record) passed() bool { return r.Absent != "" || r.Goldens && r.Scenarios }

// compare holds the records against the file.
func (h *recorder) compare(t *testing.T) {
	t.Helper()
	slices.SortFunc(h.all, compareRecords)
	h.summarize(t)
	written := map[string]record{}
	for _, r := range readHistory(t) {
		written[r.Client] = r
	}
	for _, got := range h.all {
		want := written[got.Client]
		if !*history {
			want.Features = nil
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" && got.passed() {
			t.Errorf("%s is not what came out (-written +got); run `make interop-history UPDATE=-update`:\n%s", historyFile, diff)
		}
	}
}

// summarize writes what came out to a file that make prints.
func (h *recorder) summarize(t *testing.T) {
	t.Helper()
	passed := map[bool]string{true: "passed", false: "FAILED"}
	var text strings.Builder
	for _, r := range h.all {
		fmt.Fprintf(&text, "%-12s %s: ", r.Client, orElse(r.Agent, "-"))
		if r.Absent != "" {
			fmt.Fprintf(&text, "not run: %s\n", r.Absent)
			continue
		}
		var lacks []string
		for _, f := range features {
			if has, run := r.Features[f.name]; run && !has {
				lacks = append(lacks, f.name)
			}
		}
		fmt.Fprintf(&text, "goldens %s, scenarios %s, excepted: %s; lacks: %s\n", passed[r.Goldens], passed[r.Scenarios],
			orElse(strings.Join(slices.Sorted(maps.Keys(r.Except)), ", "), "none"), orElse(strings.Join(lacks, ", "), "nothing that was run"))
	}
	t.Logf("what came out:\n%s", text.String())
	if err := os.WriteFile(".cache/history.txt", []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compareRecords has kinds in the order of languages, and the current version after the old ones.
func compareRecords(a, b record) int {
	rank := func(r record) int {
		kind, _, _ := strings.Cut(r.Client, "-")
		return slices.IndexFunc(languages, func(l *language) bool { return l.name == kind })
	}
	switch {
	case rank(a) != rank(b):
		return rank(a) - rank(b)
	case !strings.Contains(a.Client, "-"):
		return 1
	case !strings.Contains(b.Client, "-"):
		return -1
	}
	return len(a.Client) - len(b.Client) + strings.Compare(a.Client, b.Client)
}

func readHistory(t *testing.T) []record {
	t.Helper()
	var all []record
	if err := json.Unmarshal(must(os.ReadFile(historyFile))(t), &all); err != nil {
		t.Fatalf("%s: %v", historyFile, err)
	}
	return all
}

// writeHistory writes the file, and what is made from it.
func writeHistory(t *testing.T, all []record) {
	t.Helper()
	data := must(json.MarshalIndent(all, "", "  "))(t)
	if err := os.WriteFile(historyFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	page, others := read(t)
	old, _, _ := strings.Cut(page, historyTitle)
	if err := os.WriteFile(document, []byte(old+historyText(all)+others), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("docs/FIELDS.md is made from it, too: run `make golden`")
}

const historyTitle = "\n## Older versions\n"

// historyText is the part of the document about old versions.
func historyText(all []record) string {
	var text, notes strings.Builder
	text.WriteString(historyTitle + "\nEvery golden is served to versions spread over the years, which must acknowledge it, and the scenarios of the first table are played with them, by\n" +
		"`make interop-history` once a week. `make interop` does so with one version of each kind. Which features each version has was run, too:\n" +
		"[FIELDS.md](FIELDS.md#grfcs-and-the-versions-that-have-them).\n\n" +
		"| client | goldens acknowledged | scenarios played |\n|---|---|---|\n")
	numbers := map[string]int{}
	for _, r := range all {
		if r.Absent != "" {
			fmt.Fprintf(&text, "| %s | not run: %s | |\n", r.Client, r.Absent)
			continue
		}
		var cannot []string
		for _, name := range slices.Sorted(maps.Keys(r.Except)) {
			cannot = append(cannot, fmt.Sprintf("%s (%d)", name, note(&notes, numbers, r.Except[name])))
		}
		but := ""
		if len(cannot) > 0 {
			but = " but " + strings.Join(cannot, ", ")
		}
		fmt.Fprintf(&text, "| %s | all | all%s |\n", r.Agent, but)
	}
	if notes.Len() > 0 {
		text.WriteString("\nWhy not:\n\n" + notes.String())
	}
	return text.String()
}
