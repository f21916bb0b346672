package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The names of the scenarios. Cold is first, because all others use its streams.
const (
	scenarioCold      = "cold"
	scenarioStorm     = "storm"
	scenarioReconnect = "reconnect"
	scenarioChurn     = "churn"
	scenarioBurst     = "burst"
	scenarioRoutes    = "routes"
	scenarioHot       = "hot"
	scenarioFlood     = "flood"
	scenarioSoak      = "soak"
	scenarioReports   = "reports"
	scenarioWorkload  = "workload"
	scenarioNamespace = "namespace"
	scenarioMesh      = "mesh"
)

// scenario is one of the things that are measured.
type scenario struct {
	name string
	// streams are those that can play it.
	streams audience
	play    func(context.Context, *session) error
}

// audience is a kind of streams.
type audience int

const (
	everyStream audience = iota
	clientStreams
	serverStreams
)

// scenarios are all of them. Cold is first, and sets up what the others use.
var scenarios = []scenario{
	{scenarioCold, everyStream, cold},
	{scenarioStorm, everyStream, storm},
	{scenarioReconnect, everyStream, reconnect},
	{scenarioChurn, clientStreams, churn},
	{scenarioBurst, clientStreams, burst},
	{scenarioRoutes, clientStreams, shiftRounds},
	{scenarioHot, clientStreams, hotRounds},
	{scenarioFlood, clientStreams, flood},
	{scenarioSoak, clientStreams, soak},
	{scenarioReports, clientStreams, reports},
	{scenarioWorkload, serverStreams, workloadRounds},
	{scenarioNamespace, serverStreams, namespaceRounds},
	{scenarioMesh, serverStreams, meshRounds},
}

// scenarioNames returns the names of those that some streams can play.
func scenarioNames(streams audience) []string {
	var names []string
	for _, s := range scenarios {
		if s.streams == everyStream || s.streams == streams {
			names = append(names, s.name)
		}
	}
	return names
}

// scenarioOf returns the scenario of a name that exists.
func scenarioOf(name string) scenario {
	return scenarios[slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })]
}

// cold starts all clients at the same time, with a server that has not served a client before.
func cold(ctx context.Context, s *session) error {
	s.o.logf("cold: %d streams", s.o.streams)
	pause(ctx, s.o.settle) // a server that responds may still be busy
	s.results.cost(scenarioCold, "RSS before", "MiB", s.meter.rss())
	before := s.meter.cpu()
	lasted, err := s.arrive(ctx, s.fleet)
	if err != nil {
		return err
	}
	s.results.spread(scenarioCold, lasted)
	s.results.cost(scenarioCold, "CPU", "s", (s.meter.cpu() - before).Seconds())
	return s.settled(ctx, scenarioCold, tally{})
}

// storm closes all streams, and opens as many new ones without resources.
func storm(ctx context.Context, s *session) error {
	s.fleet.stop()
	s.quiet(ctx)
	s.fleet = newFleet(s.plan, s.address)
	before := s.meter.cpu()
	lasted, err := s.arrive(ctx, s.fleet)
	if err != nil {
		return err
	}
	s.results.spread(scenarioStorm, lasted)
	s.results.cost(scenarioStorm, "CPU", "s", (s.meter.cpu() - before).Seconds())
	return s.settled(ctx, scenarioStorm, tally{})
}

// reconnect closes all streams, and reopens them with the resources that they have. A server that this program
// started is restarted.
func reconnect(ctx context.Context, s *session) error {
	s.fleet.stop()
	if s.server != nil {
		s.stopServer()
		if err := s.launch(ctx); err != nil {
			return err
		}
		if err := s.probe(ctx); err != nil {
			return err
		}
	}
	s.fleet.address = s.address
	for _, c := range s.fleet.clients {
		c.reconnected.Store(0)
	}
	cpu, before := s.meter.cpu(), s.fleet.now()
	if err := s.fleet.start(ctx); err != nil {
		return err
	}
	returned := func() []time.Duration {
		return s.fleet.times(func(c *client) int64 { return c.reconnected.Load() })
	}
	s.until(ctx, func() bool { return len(returned()) == len(s.fleet.clients) })
	s.results.spread(scenarioReconnect, returned())
	s.results.add(scenarioReconnect, "not back", "streams", float64(len(s.fleet.clients)-len(returned())))
	s.quiet(ctx)
	s.results.cost(scenarioReconnect, "CPU", "s", (s.meter.cpu() - cpu).Seconds())
	sent := s.fleet.now().since(before)
	for k, n := range sent.byKind {
		s.results.add(scenarioReconnect, kindNames[k]+" responses", "", float64(n))
	}
	return s.settled(ctx, scenarioReconnect, before)
}

// arrive starts a fleet without resources, and returns how long each client took to get all of its resources.
func (s *session) arrive(ctx context.Context, f *fleet) ([]time.Duration, error) {
	if err := f.start(ctx); err != nil {
		return nil, err
	}
	last := time.Now()
	s.until(ctx, func() bool {
		if time.Since(last) > 2*time.Second {
			last = time.Now()
			s.o.logf("%d of %d streams have everything", f.arrived.Load(), len(f.clients))
		}
		return f.arrived.Load() == int64(len(f.clients))
	})
	if n := int(f.arrived.Load()); n < len(f.clients) {
		return nil, fmt.Errorf("%d of %d streams do not have everything after %v (%d were refused, %d ended, %d responses were invalid)",
			len(f.clients)-n, len(f.clients), s.o.timeout, f.refused.Load(), f.ended.Load(), f.invalid.Load())
	}
	return f.times(func(c *client) int64 { return c.configured.Load() }), nil
}

// times returns a time of each client that has one.
func (f *fleet) times(of func(*client) int64) []time.Duration {
	all := make([]time.Duration, 0, len(f.clients))
	for _, c := range f.clients {
		if t := of(c); t > 0 {
			all = append(all, time.Duration(t))
		}
	}
	return all
}

// settled reports what the streams received since before, and the server's memory, when nothing is in flight.
func (s *session) settled(ctx context.Context, scenario string, before tally) error {
	s.quiet(ctx)
	sent := s.fleet.now().since(before)
	s.results.add(scenario, "responses", "", float64(sent.responses))
	s.results.add(scenario, "resources", "", float64(sent.resources))
	s.results.add(scenario, "received", "MiB", float64(sent.bytes)/(1<<20))
	s.results.add(scenario, "refused streams", "", float64(sent.refused))
	s.results.add(scenario, "ended streams", "", float64(sent.ended))
	s.results.cost(scenario, "RSS", "MiB", s.meter.rss())
	s.results.cost(scenario, "RSS at most", "MiB", s.meter.peak())
	if n := s.meter.goroutines(ctx); n > 0 {
		s.results.add(scenario, "goroutines", "", n)
	}
	return ctx.Err()
}

// until waits for a condition, but not longer than the timeout of a step.
func (s *session) until(ctx context.Context, done func() bool) {
	ctx, cancel := context.WithTimeout(ctx, s.o.timeout)
	defer cancel()
	for !done() && ctx.Err() == nil {
		pause(ctx, 2*time.Millisecond)
	}
}

// quiet waits until nothing has arrived for a while, but not longer than the timeout of a step.
func (s *session) quiet(ctx context.Context) {
	s.until(ctx, func() bool {
		before := s.fleet.now()
		pause(ctx, s.o.settle)
		return s.fleet.now() == before
	})
}
