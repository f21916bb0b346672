package main

import (
	"context"
	"errors"
	"time"
)

// flood changes endpoints at a steady rate, one service after the other, without waiting for the streams.
func flood(ctx context.Context, s *session) error {
	used, before := s.meter.cpu(), s.fleet.now()
	all, err := s.stream(ctx, s.o.flood, nil)
	if err != nil {
		return err
	}
	missing := s.fleet.ledger.wait(ctx, s.o.timeout)
	cpu := s.meter.cpu() - used
	s.latencies(scenarioFlood, all)
	s.quiet(ctx)
	sent := s.fleet.now().since(before)
	lasted := all[len(all)-1].written.Sub(all[0].began)
	s.results.add(scenarioFlood, "changes", "a second", float64(len(all))/lasted.Seconds())
	s.results.add(scenarioFlood, "responses", "a change", float64(sent.responses)/float64(len(all)))
	s.results.add(scenarioFlood, "wasted responses", "", float64(sent.wasted))
	s.results.add(scenarioFlood, "not on the newest state", "receipts", float64(missing))
	s.results.cost(scenarioFlood, "CPU", "cores", cpu.Seconds()/lasted.Seconds())
	return ctx.Err()
}

// soak is a long flood that measures only the server's memory.
func soak(ctx context.Context, s *session) error {
	const samples = 60
	var at, rss, goroutines []float64
	began := time.Now()
	next := time.Duration(0)
	_, err := s.stream(ctx, s.o.soak, func() {
		if time.Since(began) < next {
			return
		}
		next += s.o.soak / samples
		at, rss = append(at, time.Since(began).Hours()), append(rss, s.meter.rss())
		goroutines = append(goroutines, s.meter.goroutines(ctx))
		s.o.logf("soak: %v, RSS %.0f MiB, %.0f goroutines", time.Since(began).Round(time.Second), rss[len(rss)-1], goroutines[len(goroutines)-1])
	})
	if err != nil {
		return err
	}
	missing := s.fleet.ledger.wait(ctx, s.o.timeout)
	// The first quarter fills caches and the heap.
	from := len(at) / 4
	s.results.cost(scenarioSoak, "RSS at a quarter", "MiB", rss[from])
	s.results.cost(scenarioSoak, "RSS at the end", "MiB", rss[len(rss)-1])
	s.results.cost(scenarioSoak, "slope", "MiB an hour", slope(at[from:], rss[from:]))
	s.results.add(scenarioSoak, "goroutines more", "", goroutines[len(goroutines)-1]-goroutines[from])
	s.results.add(scenarioSoak, "not on the newest state", "receipts", float64(missing))
	return ctx.Err()
}

// stream makes changes for a duration at the rate of the options. It skips changes that it is too slow for, so that
// the changes never come in bursts. After each change it calls each, unless each is nil. With each the changes are
// not kept, because there may be many.
func (s *session) stream(ctx context.Context, lasts time.Duration, each func()) ([]*change, error) {
	if len(s.plan.moving) == 0 {
		return nil, errors.New("no stream subscribes to a service that could change: raise -streams or -names")
	}
	ticker := time.NewTicker(time.Second / time.Duration(s.o.rate))
	defer ticker.Stop()
	var all []*change
	for began, n := time.Now(), 0; n == 0 || time.Since(began) < lasts; n++ {
		c, err := s.write(ctx, s.plan.move(s.plan.moving[n%len(s.plan.moving)]))
		if err != nil {
			return nil, err
		}
		if each == nil {
			all = append(all, c)
		} else {
			each()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all, nil
}

// slope returns the slope of the regression line through some points.
func slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(x))
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	if d := n*sxx - sx*sx; d != 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}
