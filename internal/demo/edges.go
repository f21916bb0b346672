package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	edges "github.com/mizzen-mesh/mizzen/internal/load"
)

// showEdges prints what the client has reported about each version, beside what the backends counted. It reports whether the
// calls to v1 are the same: its backends are never killed, and have had no call for two steps.
func (s *scenario) showEdges(ctx context.Context) bool {
	found, same := s.edges(ctx)
	s.screen.writef("\nWhat the client reported about these calls (controlplane inspect edges), and what the backends counted")
	for _, e := range found {
		verdict := "   the calls go on, and are reported each second"
		if e.Subset == "v1" && same {
			verdict = "   the same"
		} else if e.Subset == "v1" {
			verdict = "   NOT AS STATED"
		}
		s.screen.writef("  %s -> %s   %s   %6d attempts ended, %s   backends %6d%s", e.Source.Namespace, e.Destination.Service, e.Subset, e.Calls, s.failedOf(e.Errors), s.served(e.Subset), verdict)
	}
	return same
}

// failedOf says what became of attempts that failed. If no call failed, the client has made them again: those on the connection to the backend that
// was killed.
func (s *scenario) failedOf(attempts uint64) string {
	calls := len(s.tally.count().failures)
	for _, r := range s.results {
		calls += len(r.count.failures)
	}
	if attempts > 0 && calls == 0 {
		return fmt.Sprintf("%d made again", attempts)
	}
	return fmt.Sprintf("%d failed", attempts)
}

// edges waits until the calls to v1 are reported as its backends counted them.
func (s *scenario) edges(ctx context.Context) (found []edges.Edge, same bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if got, err := s.askEdges(ctx); err == nil {
			found = got
			for _, e := range found {
				same = same || e.Subset == "v1" && e.Calls == s.served("v1") && e.Errors == 0
			}
		}
		if same {
			return found, true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return found, false
		}
	}
}

func (s *scenario) askEdges(ctx context.Context) ([]edges.Edge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addresses.Admin+"/api/edges", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for edges: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var found []edges.Edge
	return found, json.NewDecoder(resp.Body).Decode(&found)
}

// served is how many calls the backends of a version have answered.
func (s *scenario) served(version string) uint64 {
	var n uint64
	for _, b := range s.backends {
		if b.version == version {
			n += b.served.Load()
		}
	}
	return n
}
