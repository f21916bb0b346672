package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// session is a run against one server.
type session struct {
	o       *options
	plan    *plan
	target  target
	files   string
	results *results

	address string
	server  *process // nil if this program did not start it
	meter   meter
	fleet   *fleet
	// marker is the number of the latest change. Rules start with 1.
	marker int
}

// measure runs all scenarios of the options and reports the results.
func measure(ctx context.Context, o *options, out io.Writer) error {
	r, err := runAll(ctx, o)
	if err != nil {
		return err
	}
	if err := r.table(out); err != nil || o.json == "" {
		return err
	}
	return r.writeJSON(o)
}

func runAll(ctx context.Context, o *options) (_ *results, err error) {
	s := &session{o: o, plan: newPlan(o), results: &results{}, marker: 1}
	if s.target, s.files, err = newTarget(o); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.target.clear(context.WithoutCancel(ctx))) }()
	o.logf("writing %d services of %d endpoints", o.services, o.endpoints)
	if err := s.target.seed(ctx, s.plan); err != nil {
		return nil, fmt.Errorf("write the objects: %w", err)
	}
	for n := range o.repeat {
		s.results.loads = append(s.results.loads, loadAverages())
		o.logf("repetition %d of %d, load %s", n+1, o.repeat, loadAverages())
		if err := s.repetition(ctx); err != nil {
			return nil, err
		}
	}
	s.results.loads = append(s.results.loads, loadAverages())
	return s.results, nil
}

func (s *session) repetition(ctx context.Context) error {
	if err := s.startServer(ctx); err != nil {
		return err
	}
	defer s.stopServer()
	s.fleet = newFleet(s.plan, s.address)
	defer s.fleet.stop()
	if err := cold(ctx, s); err != nil {
		return err
	}
	for _, name := range s.o.scenarios {
		if name == scenarioCold {
			continue
		}
		s.o.logf("%s", name)
		if err := scenarioOf(name).play(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !s.o.raw {
		return nil
	}
	s.fleet.stop()
	s.stopServer()
	return s.compare(ctx)
}

// startServer starts the server under test, or uses the running one, and waits until it serves the last service.
func (s *session) startServer(ctx context.Context) (err error) {
	s.address, s.meter = s.o.server, meter{pid: s.o.pid, metrics: s.o.metrics}
	if s.o.exec != "" {
		if err := s.launch(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.probe(ctx); err != nil {
		s.stopServer()
		return err
	}
	if s.o.exec != "" {
		s.results.add("start", "until ready", "s", time.Since(began).Seconds())
		s.results.cost("start", "CPU until ready", "s", s.meter.cpu().Seconds())
	}
	return nil
}

func (s *session) launch(ctx context.Context) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	metrics, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	words, err := fill(s.o.exec, map[string]string{
		"address": address, "files": s.files, "kubeconfig": s.o.kubeconfig, "metrics": metrics,
	})
	if err != nil {
		return err
	}
	s.server = newProcess(words[0], words[1:]...)
	if err := s.server.start(); err != nil {
		return err
	}
	s.address, s.meter.pid = address, s.server.pid()
	if strings.Contains(s.o.exec, "{metrics}") {
		s.meter.metrics = "http://" + metrics + "/metrics"
	}
	return nil
}

func (s *session) stopServer() {
	if s.server != nil {
		s.server.stop()
		s.server = nil
	}
}

// probe waits until a client that subscribes to the last service has all of its resources.
func (s *session) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.timeout)
	defer cancel()
	o := *s.o
	o.streams, o.raw = 1, false
	one := newFleet(&plan{o: &o, wanted: [][]int{{s.o.services - 1}}}, s.address)
	if err := one.start(ctx); err != nil {
		return err
	}
	defer one.stop()
	for one.arrived.Load() == 0 {
		if s.server != nil && s.server.over() {
			return fmt.Errorf("the server has ended:\n%s", s.server.log)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the server at %s does not serve %s", s.address, s.plan.listener(s.o.services-1))
		}
		pause(ctx, 2*time.Millisecond)
	}
	return nil
}
