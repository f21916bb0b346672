package kit

import (
	"fmt"
	"slices"
	"strings"
)

// Known is a check that a client is known to miss, and why.
type Known struct {
	// Client is how its user agent begins, and Checks are the IDs of the checks.
	Client string
	Checks []string
	Why    string
	// Sometimes is set if it passes as often.
	Sometimes bool
}

// known are the misses of clients, as they were found by running them.
var known = []Known{
	{
		Client: "gRPC Go", Checks: []string{"type-unknown"},
		Why: "it reads nothing more from a stream on which a response of a type that it does not know came",
	},
	{
		Client: "gRPC Go", Checks: []string{"cluster-late", "endpoints-late", "routes-renamed", "unsubscribe"}, Sometimes: true,
		Why: "a call at the moment at which routes name a new cluster can fail with `unknown cluster selected for RPC`",
	},
	{
		Client: "gRPC C-core", Checks: []string{"type-unknown"},
		Why: "it reads nothing more from a stream on which a response of a type that it does not know came",
	},
	{
		Client: "gRPC Java", Checks: []string{"no-endpoints"},
		Why: "it goes on calling the endpoints that it had",
	},
	{
		Client: "gRPC Node", Checks: []string{"listener-deleted", "cluster-deleted"},
		Why: "after a Listener or cluster was absent and is back, it does not ask again for the RouteConfiguration or the endpoints: calls go on failing",
	},
	{
		Client: "gRPC Node", Checks: []string{"host-unknown", "no-answer", "back-off-first"},
		Why: "calls wait for a first answer until their own time limit",
	},
	{
		Client: "gRPC Rust", Checks: []string{"nack", "nack-first", "nack-once", "filter-unknown"},
		Why: "it accepts a cluster that states no source of its endpoints, and a filter that it does not know",
	},
	{
		Client: "gRPC Rust", Checks: []string{"no-endpoints"},
		Why: "calls to a cluster without endpoints wait until their own time limit",
	},
	{
		Client: "gRPC Rust", Checks: []string{"no-virtual-host"},
		Why: "it refuses a RouteConfiguration without virtual hosts, and goes on by the last one",
	},
	{
		Client: "gRPC Rust", Checks: []string{"host-unknown", "no-answer", "back-off-first"},
		Why: "calls without routes fail after 30 s, and as UNKNOWN",
	},
	{
		Client: "gRPC Rust", Checks: []string{"unsubscribe", "cluster-late", "endpoints-late", "routes-renamed"},
		Why: "when it no longer needs any name of a type it forgets the nonce, and its next request for the type on that stream has none: a control plane that takes it for the answer to an earlier response does not answer it",
	},
}

// KnownFor returns why a client is known to miss a check, or nil.
func KnownFor(client, check string) *Known {
	for i := range known {
		if k := &known[i]; strings.HasPrefix(client, k.Client) && slices.Contains(k.Checks, check) {
			return k
		}
	}
	return nil
}

// Unexpected returns a line for each result that differs from what is known about its client.
func Unexpected(results []Result) []string {
	var lines []string
	for _, r := range results {
		k := KnownFor(r.Client, r.Check.ID)
		switch {
		case r.Client == "":
			lines = append(lines, fmt.Sprintf("%s: the client sent no request: %s", r.Check.ID, r.Miss))
		case r.Miss != "" && k == nil:
			lines = append(lines, fmt.Sprintf("%s: %s misses it: %s\n  %s", r.Check.ID, r.Client, r.Miss, strings.Join(r.Trace, "\n  ")))
		case r.Miss == "" && k != nil && !k.Sometimes:
			lines = append(lines, fmt.Sprintf("%s: %s passes, although it is known to miss it: %s", r.Check.ID, r.Client, k.Why))
		}
	}
	return lines
}

// Markdown is a table with a row for each check and a column for each client, by its results, and the reasons below it. The results are
// as they are known: what is missed sometimes is the same each time.
func Markdown(columns [][]Result) string {
	var text, notes strings.Builder
	text.WriteString("| area | check | the client passes if | rule |")
	for _, results := range columns {
		fmt.Fprintf(&text, " %s |", results[0].Client)
	}
	text.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
	passed, numbers := make([]int, len(columns)), map[string]int{}
	note := func(why string) int {
		if numbers[why] == 0 {
			numbers[why] = len(numbers) + 1
			fmt.Fprintf(&notes, "%d. %s.\n", numbers[why], strings.ToUpper(why[:1])+why[1:])
		}
		return numbers[why]
	}
	for i, first := range columns[0] {
		fmt.Fprintf(&text, "| %s | `%s` | %s | %s |", first.Check.Area, first.Check.ID, first.Check.About, first.Check.Rule)
		for c, results := range columns {
			cell := "yes"
			if k := KnownFor(results[i].Client, first.Check.ID); k != nil {
				cell = map[bool]string{true: "mostly", false: "**no**"}[k.Sometimes] + fmt.Sprintf(" (%d)", note(k.Why))
			} else {
				passed[c]++
			}
			if results[i].Note != "" && cell == "yes" {
				cell += ": " + results[i].Note
			}
			fmt.Fprintf(&text, " %s |", cell)
		}
		text.WriteString("\n")
	}
	text.WriteString("| | | **passed each time** | |")
	for _, n := range passed {
		fmt.Fprintf(&text, " **%d of %d** |", n, len(columns[0]))
	}
	return text.String() + "\n\n" + notes.String()
}
