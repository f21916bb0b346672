package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// rawServer is a running raw server.
type rawServer struct {
	*process
	address string
}

func startRaw(ctx context.Context, file string) (*rawServer, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &rawServer{process: newProcess(program, rawCommand, "-address", address, "-resources", file), address: address}
	if err := r.pipes(); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, err
	}
	return r, r.expect("ready")
}

// expect reads a line from the raw server.
func (r *rawServer) expect(line string) error {
	got, err := r.stdout.ReadString('\n')
	if err != nil || strings.TrimSpace(got) != line {
		return fmt.Errorf("the raw server said %q, not %q: %w\n%s", got, line, err, r.log)
	}
	return nil
}

func (r *rawServer) order(line string) error {
	_, err := fmt.Fprintln(r.stdin, line)
	return err
}

// broadcasts are the scenarios whose changes concern every stream, and how the raw server is told to prepare one.
func broadcasts(f *fleet) map[string]func(marker int) (order string, of subject) {
	return map[string]func(marker int) (string, subject){
		scenarioHot: func(marker int) (string, subject) {
			return fmt.Sprintf("endpoints %s %d", hotEndpoints(f), marker), subject{endpoints, hotService}
		},
		scenarioMesh: func(marker int) (string, subject) { return fmt.Sprintf("policies %d", marker), policiesSubject },
	}
}

// compare runs cold, hot and mesh against the raw server, with the resources that the server under test sent.
func (s *session) compare(ctx context.Context) error {
	s.o.logf("raw")
	dir, err := os.MkdirTemp("", "scale-raw-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "resources")
	if err := save(file, s.fleet.resources()); err != nil {
		return err
	}
	raw, err := startRaw(ctx, file)
	if err != nil {
		return err
	}
	defer raw.stop()
	fleet := newFleet(s.plan, raw.address)
	defer fleet.stop()
	if err := s.rawCold(ctx, raw, fleet); err != nil {
		return err
	}
	for scenario, prepare := range broadcasts(fleet) {
		if !slices.Contains(s.o.scenarios, scenario) {
			continue
		}
		if err := s.rawBroadcast(ctx, raw, fleet, scenario, prepare); err != nil {
			return err
		}
	}
	return nil
}

// rawCold runs cold against the raw server, and reports ratios.
func (s *session) rawCold(ctx context.Context, raw *rawServer, fleet *fleet) error {
	server := meter{pid: raw.pid()}
	before := server.cpu()
	lasted, err := s.arrive(ctx, fleet)
	if err != nil {
		return err
	}
	s.results.spread("raw cold", lasted)
	s.results.cost("raw cold", "CPU", "s", (server.cpu() - before).Seconds())
	s.results.cost("raw cold", "RSS", "MiB", server.rss())
	s.results.ratio("cold ÷ raw", scenarioCold, "raw cold", "p50", "max", "CPU")
	return nil
}

// rawBroadcast runs a scenario against the raw server, and reports ratios.
func (s *session) rawBroadcast(ctx context.Context, raw *rawServer, fleet *fleet, scenario string, prepare func(int) (string, subject)) error {
	server := meter{pid: raw.pid()}
	var all []*change
	var cpu time.Duration
	for range s.o.rounds {
		s.marker++
		order, of := prepare(s.marker)
		if err := raw.order(order); err != nil {
			return err
		}
		if err := raw.expect("prepared"); err != nil {
			return err
		}
		used := server.cpu()
		c := &change{subject: of, marker: s.marker, due: len(fleet.clients), began: time.Now()}
		fleet.ledger.announce(c)
		if err := raw.order("send"); err != nil {
			return err
		}
		c.written = time.Now()
		if missing := fleet.ledger.wait(ctx, s.o.timeout); missing > 0 {
			return fmt.Errorf("raw: %d receipts are missing", missing)
		}
		cpu += server.cpu() - used
		all = append(all, c)
	}
	s.latencies("raw "+scenario, all)
	s.results.cost("raw "+scenario, "CPU", "ms a change", ms(cpu)/float64(s.o.rounds))
	s.results.ratio(scenario+" ÷ raw", scenario, "raw "+scenario, "p50", "last, p50", "CPU")
	return nil
}

// hotEndpoints returns the name of the hot service's endpoints.
func hotEndpoints(f *fleet) string {
	for name, r := range f.resources() {
		if name.kind == endpoints && r.service == hotService {
			return name.name
		}
	}
	return ""
}
