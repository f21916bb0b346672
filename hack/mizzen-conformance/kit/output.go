package kit

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Missed is how many results are misses.
func Missed(results []Result) int {
	missed := 0
	for _, r := range results {
		if r.Miss != "" {
			missed++
		}
	}
	return missed
}

// Applied is how many of the checks apply to the client.
func Applied(results []Result) int {
	n := 0
	for _, r := range results {
		if !r.Skipped {
			n++
		}
	}
	return n
}

// WriteList writes what each check is about.
func WriteList(out io.Writer, checks []*Check) error {
	lines := []string{"AREA\tCHECK\tTHE CLIENT PASSES IF"}
	for _, c := range checks {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s (%s)", c.Area, c.ID, c.About, c.Rule))
	}
	return aligned(out, lines)
}

// WriteResults writes a line for each check, and the score.
func WriteResults(out io.Writer, results []Result) error {
	lines := []string{"AREA\tCHECK\tRESULT\tSECONDS\tSEEN"}
	for _, r := range results {
		verdict, seen := "pass", r.Note
		if r.Skipped {
			verdict, seen = "-", "it does not apply to "+r.Check.of.others()
		}
		if r.Miss != "" {
			verdict, seen = "MISS", strings.ReplaceAll(strings.TrimSpace(r.Miss), "\n", " | ")
			if k := KnownFor(r.Client, r.Check.ID); k != nil {
				seen += " (known: " + k.Why + ")"
			}
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%.1f\t%s", r.Check.Area, r.Check.ID, verdict, r.Took.Seconds(), seen))
	}
	return aligned(out, append(lines, "", fmt.Sprintf("%s: %d of %d checks passed", results[0].Client, Applied(results)-Missed(results), Applied(results))))
}

// aligned writes lines whose columns end with tabs.
func aligned(out io.Writer, lines []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	return w.Flush()
}

// WriteTraces writes the requests and responses of missed checks.
func WriteTraces(out io.Writer, results []Result) error {
	for _, r := range results {
		if r.Miss == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s: %s\n  %s\n", r.Check.ID, r.Miss, strings.Join(r.Trace, "\n  ")); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes a result with the ID of its check.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"area": r.Check.Area, "check": r.Check.ID, "about": r.Check.About, "rule": r.Check.Rule, "applies": !r.Skipped, "passed": r.Miss == "" && !r.Skipped, "miss": r.Miss,
		"note": r.Note, "client": r.Client, "seconds": r.Took.Seconds(),
	})
}
