package kit

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patient is for clients that pass: they take as long as the machine needs. quick is for clients with a fault, which are waited for in vain.
var (
	patient = Options{Parallel: 8, Patience: 20 * time.Second}
	quick   = Options{Parallel: 8, Patience: 2 * time.Second}
)

// TestReference has a client without a fault pass every check, by each protocol.
func TestReference(t *testing.T) {
	for _, delta := range []bool{false, true} {
		for _, r := range Run(fake{delta: delta}, all(), patient) {
			if r.Miss != "" || r.Client != "fake 1" {
				t.Errorf("%s, incremental %v: a client %q without a fault misses it: %s\n%q", r.Check.ID, delta, r.Client, r.Miss, r.Trace)
			}
		}
	}
}

// faults are what clients do wrong, with the checks that must find it. Each check finds one of them at the least.
var faults = map[string][]string{
	"has no node id":                  {"first-request"},
	"subscribes to all clusters":      {"by-name"},
	"guesses endpoints":               {"order"},
	"does not acknowledge endpoints":  {"ack", "ack-each-nonce"},
	"invents nonces":                  {"ack-each-nonce"},
	"accepts any cluster":             {"nack", "nack-once", "nack-first"},
	"drops what it had":               {"nack", "nack-undecodable"},
	"waits for something else":        {"nack-first"},
	"refuses again and again":         {"nack-once"},
	"deaf after a refusal":            {"nack-repaired"},
	"takes all or nothing":            {"nack-half"},
	"accepts any filter":              {"filter-unknown"},
	"requires every filter":           {"filter-optional"},
	"does not take back":              {"listener-deleted", "cluster-deleted", "nack-first"},
	"deletes what is absent":          {"empty-response", "partial-response"},
	"keeps its last endpoints":        {"no-endpoints"},
	"keeps its routes":                {"no-virtual-host"},
	"never unsubscribes":              {"unsubscribe"},
	"waits forever":                   {"host-unknown", "no-answer"},
	"refuses what it did not ask for": {"unasked"},
	"deaf after an unknown type":      {"type-unknown"},
	"knows no other fields":           {"field-unknown"},
	"keeps its first endpoints":       {"endpoints-change", "ack"},
	"acknowledges changes only":       {"same-again"},
	"applies halves":                  {"cluster-late", "endpoints-late", "service-renamed", "routes-renamed"},
	"sends its node once":             {"reconnect"},
	"forgets versions":                {"reconnect-versions"},
	"gives up":                        {"away", "away-at-start", "reconnect"},
	"hot loop":                        {"back-off", "back-off-first"},
}

// TestFaults has a client with each fault undergo the checks that must find it, by each protocol. The clients wait most of the time.
func TestFaults(t *testing.T) {
	found := map[string]bool{}
	var running sync.WaitGroup
	slots := make(chan struct{}, 8)
	for fault, ids := range faults {
		checks, err := Checks(ids...)
		if err != nil {
			t.Fatal(err)
		}
		for _, delta := range []bool{false, true} {
			running.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				for _, r := range Run(fake{fault, delta}, checks, quick) {
					if r.Miss == "" {
						t.Errorf("%s, incremental %v: a client with the fault %q passes\n%q", r.Check.ID, delta, fault, r.Trace)
					}
				}
			})
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	running.Wait()
	for _, c := range all() {
		if !found[c.ID] {
			t.Errorf("%s finds no fault", c.ID)
		}
	}
}

// TestUserAgent has a client whose node does not state a user agent: the header of its stream does.
func TestUserAgent(t *testing.T) {
	checks, err := Checks("ack")
	if err != nil {
		t.Fatal(err)
	}
	if r := Run(fake{fault: anonymous}, checks, quick)[0]; r.Miss != "" || !strings.HasPrefix(r.Client, "grpc-go/") {
		t.Errorf("got the client %q, want the one of the header; it missed %q", r.Client, r.Miss)
	}
}

// TestChecks compares the table with itself.
func TestChecks(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range all() {
		if ids[c.ID] || c.Area == "" || c.About == "" || c.Rule == "" {
			t.Errorf("%+v: its ID is not unique, or a text is empty", c)
		}
		ids[c.ID] = true
	}
	if _, err := Checks("no-such"); err == nil {
		t.Error("a check that does not exist was found")
	}
	if some, err := Checks("refusals", "away"); err != nil || len(some) != len(refusalChecks)+1 {
		t.Errorf("got %d checks and %v, want those of an area and one more", len(some), err)
	}
}

// TestGo has gRPC for Go undergo all checks. What it misses has the reason in docs/CONFORMANCE.md.
func TestGo(t *testing.T) {
	program := filepath.Join(t.TempDir(), "client")
	if out, err := exec.Command("go", "build", "-o", program, "../../../test/interop/clients/go").CombinedOutput(); err != nil {
		t.Fatalf("build the client: %v\n%s", err, out)
	}
	for _, line := range Unexpected(Run(&Program{Argv: []string{program}}, all(), patient)) {
		t.Error(line)
	}
}

// TestKnown compares what is known about clients with the table of checks.
func TestKnown(t *testing.T) {
	for _, k := range known {
		for _, id := range k.Checks {
			if checks, err := Checks(id); err != nil || len(checks) != 1 || KnownFor(k.Client+" 1", id).Why != k.Why {
				t.Errorf("%s: %s is not a check, or is listed twice", k.Client, id)
			}
		}
	}
	check := Check{ID: "type-unknown"}
	for _, c := range []struct {
		results []Result
		lines   int
	}{
		{[]Result{{Check: &check, Client: "gRPC Go 1", Miss: "it is deaf"}, {Check: &check, Client: "gRPC Java 1"}}, 0},
		{[]Result{{Check: &check, Client: "gRPC Java 1", Miss: "it is deaf"}, {Check: &check, Client: "gRPC Go 1"}}, 2},
		{[]Result{{Check: &check, Miss: "it did not start"}}, 1},
		// It sent no request in a check that it is known to miss.
		{named([]Result{{Check: &check, Miss: "it is deaf"}, {Check: &Check{ID: "ack"}, Client: "gRPC Go 1"}}), 0},
	} {
		if got := Unexpected(c.results); len(got) != c.lines {
			t.Errorf("got %q, want %d lines", got, c.lines)
		}
	}
}
