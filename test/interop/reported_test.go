//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/load"
)

// counts are calls that have ended, and those of them that failed.
type counts struct{ Calls, Errors uint64 }

// reported compares what the client has reported about each subset with what the backends of that version counted.
func (r *run) reported() error {
	want := map[string]counts{}
	for _, b := range r.backends {
		c := want[b.spec.Version]
		want[b.spec.Version] = counts{c.Calls + b.served.Load(), c.Errors + b.failed.Load()}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(r.patience); ; <-tick.C {
		got := map[string]counts{}
		for version := range want {
			got[version] = counts{}
		}
		for _, e := range r.plane.edges() {
			c := got[e.Subset]
			got[e.Subset] = counts{c.Calls + e.Calls, c.Errors + e.Errors}
		}
		diff := cmp.Diff(want, got)
		if diff == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("calls and errors (-backends +reports):\n%s", diff)
		}
	}
}

// edges returns the output of `inspect edges`.
func (p *plane) edges() []load.Edge {
	p.t.Helper()
	out := p.inspect("edges")
	var edges []load.Edge
	if err := json.Unmarshal(out, &edges); err != nil {
		p.t.Fatalf("inspect edges: %v\n%s", err, out)
	}
	return edges
}
