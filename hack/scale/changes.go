package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// write makes one change, and announces to the ledger what must arrive.
func (s *session) write(ctx context.Context, e edit) (*change, error) {
	if s.marker++; s.marker > maxMarker || s.o.gateway && s.marker >= routeWeight {
		return nil, errors.New("there were too many changes for one run")
	}
	c := &change{subject: e.subject, marker: s.marker, due: e.due, began: time.Now()}
	s.fleet.ledger.announce(c)
	err := s.target.update(ctx, e.object(c.marker))
	c.written = time.Now()
	return c, err
}

// churn changes one endpoint of one service, waits until nothing is in flight, and continues with other services.
func churn(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioChurn, s.plan.moves())
}

// shiftRounds does the same with the weights in VirtualServices.
func shiftRounds(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioRoutes, s.plan.shifts())
}

// hotRounds does the same with the service that every stream subscribes to.
func hotRounds(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioHot, []edit{s.plan.move(hotService)})
}

// workloadRounds, namespaceRounds and meshRounds do the same with policies.
func workloadRounds(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioWorkload, s.plan.workloadEdits())
}

func namespaceRounds(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioNamespace, s.plan.namespaceEdits())
}

func meshRounds(ctx context.Context, s *session) error {
	return s.roundsOf(ctx, scenarioMesh, []edit{s.plan.meshEdit()})
}

func (s *session) roundsOf(ctx context.Context, scenario string, edits []edit) error {
	if len(edits) == 0 {
		return errors.New("no stream subscribes to a service that could change: raise -streams, -names or -rules")
	}
	s.quiet(ctx)
	before := s.fleet.now()
	var all []*change
	var cpu time.Duration
	missing, due := 0, 0
	for n := range s.o.rounds {
		used := s.meter.cpu()
		c, err := s.write(ctx, edits[n%len(edits)])
		if err != nil {
			return err
		}
		due += edits[n%len(edits)].due
		missing += s.fleet.ledger.wait(ctx, s.o.timeout)
		cpu += s.meter.cpu() - used
		s.quiet(ctx)
		all = append(all, c)
	}
	s.latencies(scenario, all)
	rounds := float64(s.o.rounds)
	sent := s.fleet.now().since(before)
	s.results.add(scenario, "streams concerned", "a change", float64(due)/rounds)
	s.results.add(scenario, "responses", "a change", float64(sent.responses)/rounds)
	s.results.add(scenario, "received", "B a change", float64(sent.bytes)/rounds)
	s.results.add(scenario, "wasted responses", "a change", float64(sent.wasted)/rounds)
	s.results.add(scenario, "wasted", "B a change", float64(sent.wastedBytes)/rounds)
	s.results.add(scenario, "missing receipts", "", float64(missing))
	s.results.cost(scenario, "CPU", "ms a change", ms(cpu)/rounds)
	return ctx.Err()
}

// burst changes an endpoint of many services at the same time.
func burst(ctx context.Context, s *session) error {
	s.quiet(ctx)
	var all []*change
	used, before := s.meter.cpu(), s.fleet.now()
	for n := range min(s.o.burst, len(s.plan.moving)) {
		c, err := s.write(ctx, s.plan.move(s.plan.moving[n]))
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	missing := s.fleet.ledger.wait(ctx, s.o.timeout)
	s.latencies(scenarioBurst, all)
	s.quiet(ctx)
	sent := s.fleet.now().since(before)
	s.results.add(scenarioBurst, "responses", "", float64(sent.responses))
	s.results.add(scenarioBurst, "wasted responses", "", float64(sent.wasted))
	s.results.add(scenarioBurst, "missing receipts", "", float64(missing))
	s.results.cost(scenarioBurst, "CPU", "ms", ms(s.meter.cpu()-used))
	return ctx.Err()
}

// latencies reports how long a change took to reach its subscribers: from the end of the write, as an author measures
// it, and from its start. What arrived while the writer was still waiting for the API server's response counts as 0.
func (s *session) latencies(scenario string, all []*change) {
	var since, whole, writing, last []time.Duration
	for _, c := range all {
		writing = append(writing, c.written.Sub(c.began))
		var latest time.Duration
		for _, at := range c.receipts {
			latency := max(0, at.Sub(c.written))
			since, whole, latest = append(since, latency), append(whole, at.Sub(c.began)), max(latest, latency)
		}
		if len(c.receipts) > 0 {
			last = append(last, latest)
		}
	}
	s.results.spread(scenario, since)
	s.results.add(scenario, "last, p50", "ms", ms(quantile(last, 0.5)))
	s.results.add(scenario, "p50 with the write", "ms", ms(quantile(whole, 0.5)))
	s.results.add(scenario, "write, p50", "ms", ms(quantile(writing, 0.5)))
	s.o.logf("%s: %s", scenario, describe(since))
}

func describe(all []time.Duration) string {
	return fmt.Sprintf("%d receipts, p50 %.2f ms, p99 %.2f ms, max %.2f ms", len(all), ms(quantile(all, 0.5)), ms(quantile(all, 0.99)), ms(quantile(all, 1)))
}
