package istiodiff

import (
	stdcmp "cmp"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	update = flag.Bool("update", false, "write the score instead of comparing it")
	list   = flag.Bool("differences", false, "print every difference")
)

// scored is what came out for all documents.
type scored struct {
	documents, calls, callsAlike int
	// servers is the number of servers, and toServers that of the calls to them.
	servers, toServers int
	// version is istiod's.
	version string
	// verdicts counts documents by verdict, and lines has one for each document.
	verdicts map[verdict]int
	lines    []string
	// count, in and example are by reason: differing calls, documents, and the first of them.
	count   map[*reason]int
	in      map[*reason]map[string]bool
	example map[*reason]string
}

// TestGeneratedScore compares Mizzen with istiod for every document, and the result with testdata/score.txt and docs/ISTIOD.md. Each
// difference has a reason, and each reason a difference.
func TestGeneratedScore(t *testing.T) {
	s := score(t)
	for i := range reasons {
		if s.count[&reasons[i]] == 0 {
			t.Errorf("no difference has the reason %q any more; delete it", reasons[i].why)
		}
	}
	check(t, "testdata/score.txt", func(string) string { return strings.Join(s.lines, "\n") + "\n" })
	check(t, "../../docs/ISTIOD.md", s.replaceIn)
}

func score(t *testing.T) *scored {
	t.Helper()
	record := readRecord(t)
	s := &scored{version: version(t), verdicts: map[verdict]int{}, count: map[*reason]int{}, in: map[*reason]map[string]bool{}, example: map[*reason]string{}}
	for _, name := range documents(t) {
		theirs := record[name]
		if theirs == nil { // of another client than gRPC
			continue
		}
		delete(record, name)
		file := "../../" + name + suffix
		if data, err := os.ReadFile(file); err != nil || fmt.Sprintf("%.6x", sha256.Sum256(data)) != theirs.input {
			s.lines = append(s.lines, short(name)+": not compared, the document is another one than istiod was asked about")
			continue
		}
		differences, calls := compare(t, short(name), file, theirs)
		more, toServers := compareServers(t, short(name), file, theirs)
		s.servers += len(theirs.servers)
		s.toServers += toServers
		s.add(t, name, append(differences, more...), calls+toServers)
	}
	for name := range record {
		t.Errorf("the record has %s, which is no golden: delete its lines in testdata/istiod.jsonl", name)
	}
	return s
}

// suffix ends the paths of documents.
const suffix = ".in.yaml"

// documents are the paths of all documents in the repository, without their end.
func documents(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"pkg/translate/testdata/*/*", "pkg/translate/inbound/testdata/*", "test/istiodiff/testdata/*"} {
		paths, err := filepath.Glob("../../" + pattern + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			all = append(all, strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "../../"), suffix))
		}
	}
	return all
}

// short is the name of a document in the score: its folder and its name.
func short(document string) string {
	before, after, _ := strings.Cut(document, "/testdata/")
	if folder := path.Base(before); folder != "translate" {
		return folder + "/" + after
	}
	return after
}

// version is the version of Istio's module that was asked.
func version(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../hack/istiodiff/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "\tistio.io/istio ")
	if !ok {
		t.Fatal("hack/istiodiff requires no istio.io/istio")
	}
	number, _, _ := strings.Cut(rest, "\n")
	return "istiod `" + number + "`"
}

// add adds what came out for one document.
func (s *scored) add(t *testing.T, document string, differences []difference, calls int) {
	t.Helper()
	name := short(document)
	differing := map[string]bool{}
	found := map[verdict]bool{}
	for _, d := range differences {
		if *list {
			t.Logf("%s | %s | %s | %s\n\tMizzen: %s\n\tistiod: %s", d.concern, d.document, d.dialed, d.call, d.ours, d.theirs)
		}
		r := reasonOf(d)
		if r == nil {
			t.Errorf("add a reason: %s, %s %s\n\t%s\n\tMizzen: %s\n\tistiod: %s", d.document, d.dialed, d.call, d.concern, d.ours, d.theirs)
			continue
		}
		if !r.everywhere {
			differing[d.dialed+d.call.String()] = true
			found[r.verdict] = true
		}
		s.count[r]++
		if s.in[r] == nil {
			s.in[r], s.example[r] = map[string]bool{}, document
		}
		s.in[r][name] = true
	}
	s.documents++
	s.calls += calls
	s.callsAlike += calls - len(differing)
	of := verdict("same")
	for _, v := range []verdict{better, approximated, missing} {
		if found[v] {
			of = v
		}
	}
	s.verdicts[of]++
	s.lines = append(s.lines, fmt.Sprintf("%s: %s, %d of %d calls alike", name, of, calls-len(differing), calls))
}

// heading starts the generated part of the page, which is its end.
const heading = "## The same objects, call by call\n"

func (s *scored) replaceIn(page string) string {
	before, _, ok := strings.Cut(page, heading)
	if !ok {
		return page + heading
	}
	var b strings.Builder
	b.WriteString(before + heading)
	fmt.Fprintf(&b, `
This section is generated by `+"`test/istiodiff`"+` from what %s answered to %d documents, for %d calls, %d of which go to %d servers, each with the rules of the document or with one of them. %d calls do the same with both, apart from the first row of the second table, which applies to nearly all. A document counts by its last verdict in this order:

| verdict | documents | |
|---|---|---|
| same | %d | every call does the same |
| better | %d | Mizzen does what the object says, and istiod does not |
| approximated | %d | both do something, and it is not the same |
| missing | %d | istiod does what the object says, and Mizzen does not |

Not compared: Routes of a Gateway, other clusters, and istiod with other settings than its defaults.

| concern | verdict | why | calls | documents | such as |
|---|---|---|---|---|---|
`, s.version, s.documents, s.calls, s.toServers, s.servers, s.callsAlike, s.verdicts["same"], s.verdicts[better], s.verdicts[approximated], s.verdicts[missing])
	for i := range reasons {
		r := &reasons[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | [%s](../%s%s) |\n", stdcmp.Or(r.concern, "any"), r.verdict, r.why, s.count[r], len(s.in[r]), short(s.example[r]), s.example[r], suffix)
	}
	return b.String()
}

// check compares a generated file with what it must be, or writes it.
func check(t *testing.T, path string, generate func(string) string) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := generate(string(have))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(have), want); diff != "" {
		t.Errorf("%s: run make golden if this is intended (-have +want):\n%s", path, diff)
	}
}
