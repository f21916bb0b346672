package demo

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// tally counts the calls that began in the current step.
type tally struct {
	mu sync.Mutex // protects the fields below
	// since is the start of the step. Calls that started before belong to no step, but their failures count.
	since    time.Time
	calls    map[string]int
	latency  []time.Duration
	failures []string
}

func newTally() *tally {
	t := &tally{}
	t.restart()
	return t
}

// restart ends a step and starts the next, without losing a failure. It returns the count of the ended step.
func (t *tally) restart() count {
	t.mu.Lock()
	ended := count{backend: t.calls, failures: t.failures}
	latency := t.latency
	t.since, t.calls, t.latency, t.failures = time.Now(), map[string]int{}, nil, nil
	t.mu.Unlock()
	return ended.with(latency)
}

func (t *tally) succeed(start time.Time, backend string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if start.Before(t.since) {
		return
	}
	t.calls[backend]++
	t.latency = append(t.latency, took)
}

func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, err.Error())
}

// count is the content of a tally at one moment.
type count struct {
	backend  map[string]int
	total    int
	p50, p99 time.Duration
	failures []string
}

// count returns the count of the current step so far.
func (t *tally) count() count {
	t.mu.Lock()
	c := count{backend: maps.Clone(t.calls), failures: slices.Clone(t.failures)}
	latency := slices.Clone(t.latency)
	t.mu.Unlock()
	return c.with(latency)
}

// with adds the total and the quantiles of the latencies, which it sorts.
func (c count) with(latency []time.Duration) count {
	slices.Sort(latency)
	c.total, c.p50, c.p99 = len(latency), quantile(latency, 0.50), quantile(latency, 0.99)
	return c
}

// quantile expects sorted input.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

// share returns the share of the calls that a version, or a single backend, answered.
func (c count) share(name string) float64 {
	n := 0
	for _, b := range backendSpecs {
		if b.name == name || b.version == name {
			n += c.backend[b.name]
		}
	}
	return float64(n) / float64(max(c.total, 1))
}
