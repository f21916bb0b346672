package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// results are the figures of a run, with one value for each repetition.
type results struct {
	figures []*figure
	// loads are the machine's load averages before and after each repetition. They show what else ran.
	loads []string
}

// figure is one measurement. Median, Least and Most are set by summarize.
type figure struct {
	Scenario string    `json:"scenario"`
	Name     string    `json:"name"`
	Unit     string    `json:"unit,omitempty"`
	Values   []float64 `json:"values"`
	Median   float64   `json:"median"`
	Least    float64   `json:"least"`
	Most     float64   `json:"most"`
}

func (r *results) add(scenario, name, unit string, value float64) {
	f := r.find(scenario, name)
	if f == nil {
		f = &figure{Scenario: scenario, Name: name, Unit: unit}
		r.figures = append(r.figures, f)
	}
	f.Values = append(f.Values, value)
}

// cost adds a figure about the server, unless it is unknown (0).
func (r *results) cost(scenario, name, unit string, value float64) {
	if value != 0 {
		r.add(scenario, name, unit, value)
	}
}

// spread adds the quantiles of durations.
func (r *results) spread(scenario string, all []time.Duration) {
	r.add(scenario, "p50", "ms", ms(quantile(all, 0.5)))
	r.add(scenario, "p99", "ms", ms(quantile(all, 0.99)))
	r.add(scenario, "max", "ms", ms(quantile(all, 1)))
}

// ratio divides the latest figures of two scenarios.
func (r *results) ratio(scenario, above, below string, names ...string) {
	for _, name := range names {
		a, b := r.find(above, name), r.find(below, name)
		if a == nil || b == nil {
			continue
		}
		if divisor := b.Values[len(b.Values)-1]; divisor > 0 {
			r.add(scenario, name, "times", a.Values[len(a.Values)-1]/divisor)
		}
	}
}

func (r *results) find(scenario, name string) *figure {
	i := slices.IndexFunc(r.figures, func(f *figure) bool { return f.Scenario == scenario && f.Name == name })
	if i < 0 {
		return nil
	}
	return r.figures[i]
}

func (r *results) summarize() {
	for _, f := range r.figures {
		sorted := slices.Sorted(slices.Values(f.Values))
		f.Least, f.Median, f.Most = sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1]
	}
}

// table prints the medians, and the ranges if there are several repetitions.
func (r *results) table(out io.Writer) error {
	r.summarize()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	last := ""
	for _, f := range r.figures {
		scenario := ""
		if f.Scenario != last {
			scenario, last = f.Scenario, f.Scenario
		}
		spread := ""
		if f.Least != f.Most {
			spread = "(" + short(f.Least) + " to " + short(f.Most) + ")"
		}
		line := strings.Join([]string{scenario, f.Name, short(f.Median), f.Unit, spread}, "\t")
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeJSON writes all figures, and the options that they belong to.
func (r *results) writeJSON(o *options) error {
	b, err := json.MarshalIndent(map[string]any{
		"time": time.Now().UTC().Format(time.RFC3339), "go": runtime.Version(), "cpus": runtime.NumCPU(), "command": os.Args[1:],
		"services": o.services, "endpoints": o.endpoints, "streams": o.streams, "names": o.names, "loads": r.loads, "figures": r.figures,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(b, '\n'), 0o600) //nolint:gosec // the user's choice
}

// short writes a number with three significant digits, and large ones in full.
func short(v float64) string {
	if v == float64(int64(v)) || v >= 1000 {
		return strconv.FormatInt(int64(v+0.5), 10)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// quantile returns a quantile of durations in any order; 0 without durations.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
