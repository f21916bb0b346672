package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

func (r *rawServer) order(format string, args ...any) error {
	_, err := fmt.Fprintf(r.stdin, format+"\n", args...)
	return err
}

// compare runs cold and hot against the raw server, with the resources that the server under test sent.
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
	if err := s.rawCold(ctx, raw, fleet); err != nil || !s.o.hot() {
		return err
	}
	return s.rawHot(ctx, raw, fleet)
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

// rawHot runs hot against the raw server, and reports ratios.
func (s *session) rawHot(ctx context.Context, raw *rawServer, fleet *fleet) error {
	server := meter{pid: raw.pid()}
	name := hotEndpoints(fleet)
	var all []*change
	var cpu time.Duration
	for range s.o.rounds {
		s.marker++
		if err := raw.order("prepare %s %d", name, s.marker); err != nil {
			return err
		}
		if err := raw.expect("prepared"); err != nil {
			return err
		}
		used := server.cpu()
		c := &change{subject: subject{endpoints, hotService}, marker: s.marker, due: len(fleet.clients), began: time.Now()}
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
	s.latencies("raw hot", all)
	s.results.cost("raw hot", "CPU", "ms a change", ms(cpu)/float64(s.o.rounds))
	s.results.ratio("hot ÷ raw", scenarioHot, "raw hot", "p50", "last, p50", "CPU")
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
