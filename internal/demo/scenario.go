package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// step is one step of the scenario: a change to the mesh, and its expected result.
type step struct {
	title string
	// change makes the change and returns its time; nil for the initial state.
	change func(*scenario) (time.Time, error)
	// kills is the name of the backend that is killed before the change.
	kills string
	// want has the bounds for the share of each version or backend.
	want map[string]bounds
}

// bounds are the inclusive limits of a share. If the share is random, they are seven standard deviations wide for the
// thousand requests of a step.
type bounds struct{ low, high float64 }

// steps are the steps of the scenario. Their order matters: each step starts from the state after the previous one.
var steps = []step{
	{
		title: "as installed: 90 % of the requests to v1, 10 % to v2",
		want:  map[string]bounds{"v1": {0.80, 0.97}, "v2": {0.03, 0.20}},
	},
	{
		title:  virtualServiceFile + " edited: 50 % to v1, 50 % to v2",
		change: func(s *scenario) (time.Time, error) { return s.folder.setWeights(50, 50) },
		want:   map[string]bounds{"v1": {0.35, 0.65}, "v2": {0.35, 0.65}},
	},
	{
		title:  virtualServiceFile + " edited: everything to v2",
		change: func(s *scenario) (time.Time, error) { return s.folder.setWeights(0, 100) },
		want:   map[string]bounds{"v1": {0, 0}, "v2-a": {0.35, 0.65}, "v2-b": {0.35, 0.65}},
	},
	{
		title:  "backend v2-b killed, and " + backendFile("v2-b") + " removed later, as Kubernetes would remove the endpoint",
		kills:  "v2-b",
		change: func(s *scenario) (time.Time, error) { return s.folder.remove(backendFile("v2-b")) },
		want:   map[string]bounds{"v2-a": {1, 1}, "v2-b": {0, 0}},
	},
}

// scenario runs the steps.
type scenario struct {
	stepTime    time.Duration
	interactive bool
	addresses   Addresses
	folder      folder
	backends    []*backend
	client      *client
	tally       *tally
	screen      *screen

	stopped map[string]bool
	results []result
}

// result is the result of a step.
type result struct {
	number int
	count  count
	// reached is the time in which the change reached the client; zero without a change.
	reached time.Duration
	// faults describe what was not as stated.
	faults []string
}

func (s *scenario) run(ctx context.Context) error {
	s.stopped = map[string]bool{}
	s.printIntroduction()
	s.tally.restart()
	for i, a := range steps {
		r, err := s.runStep(ctx, i+1, a)
		if err != nil {
			return err
		}
		s.results = append(s.results, r)
	}
	asStated := s.summarize()
	asStated = s.showEdges(ctx) && asStated
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.interactive {
		s.printHints()
		s.watchUntilDone(ctx)
	}
	if !asStated {
		return ErrNotAsStated
	}
	return nil
}

// runStep runs one step. If ctx ends, it returns early with the context's error.
func (s *scenario) runStep(ctx context.Context, number int, a step) (result, error) {
	s.screen.writef("\n[%d/%d] %s", number, len(steps), a.title)
	r := result{number: number}
	watched := s.stepTime
	if a.kills != "" {
		// For half of the time the client does not know: its connection breaks, and it must use the other backend.
		s.kill(a.kills)
		s.watch(ctx, s.stepTime/2)
		watched -= s.stepTime / 2
		c := s.tally.count()
		s.screen.writef("      the client went on without it: %d requests since, %d of them to %s, %d failed",
			c.total, c.backend[a.kills], a.kills, len(c.failures))
	}
	if a.change != nil {
		s.client.updates.drain()
		at, err := a.change(s)
		if err != nil {
			return r, err
		}
		reached, ok := s.client.updates.after(ctx, at, timeout)
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case !ok:
			r.faults = append(r.faults, fmt.Sprintf("the change did not reach the client within %v", timeout))
		default:
			r.reached = reached
			s.screen.writef("      the change reached the client after %s", strings.TrimSpace(millis(reached)))
		}
	}
	before := s.tally.restart()
	s.watch(ctx, watched)
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	r.count = s.tally.restart()
	r.count.failures = append(before.failures, r.count.failures...)
	r.faults = append(r.faults, check(r.count, a.want)...)
	s.screen.writef("      %s", total(r.count))
	for _, fault := range r.faults {
		s.screen.writef("      NOT AS STATED: %s", fault)
	}
	return r, nil
}

func (s *scenario) kill(name string) {
	for _, b := range s.backends {
		if b.name == name {
			b.kill()
		}
	}
	s.stopped[name] = true
}

// watch shows the live table for a duration.
func (s *scenario) watch(ctx context.Context, d time.Duration) {
	start := time.Now()
	end := time.NewTimer(d)
	defer end.Stop()
	ticker := time.NewTicker(s.screen.period())
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.screen.live(time.Since(start), s.tally.count(), s.stopped)
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// check returns what in a count was not as stated. A failed call never is.
func check(c count, want map[string]bounds) []string {
	var faults []string
	if c.total == 0 {
		faults = append(faults, "no request was answered")
	}
	for _, name := range []string{"v1", "v2", "v2-a", "v2-b"} {
		b, ok := want[name]
		if share := c.share(name); ok && (share < b.low || share > b.high) {
			faults = append(faults, fmt.Sprintf("%s got %.1f%% of the requests, not between %.0f%% and %.0f%%",
				name, 100*share, 100*b.low, 100*b.high))
		}
	}
	if n := len(c.failures); n > 0 {
		faults = append(faults, fmt.Sprintf("%d requests failed, the first with: %s", n, c.failures[0]))
	}
	return faults
}
