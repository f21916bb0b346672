package snapshot

import "github.com/prometheus/client_golang/prometheus"

// census counts, when somebody looks, the streams by who opened them and the translations kept by what they are of.
type census struct {
	store                *Store
	clients, projections *prometheus.Desc
}

func newCensus(s *Store) *census {
	return &census{
		store: s,
		clients: prometheus.NewDesc("mizzen_xds_clients",
			"Open discovery streams, by the kind of client and its release.", []string{"agent", "release"}, nil),
		projections: prometheus.NewDesc("mizzen_projections",
			"Translations kept: one for each host and group of clients that differ in what matters.", []string{"kind"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *census) Describe(out chan<- *prometheus.Desc) {
	out <- c.clients
	out <- c.projections
}

// Collect implements prometheus.Collector.
func (c *census) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for k, n := range c.store.kinds() {
		gauge(c.clients, n, k.agent.String(), k.release.String())
	}
	for kind, n := range c.store.projections() {
		gauge(c.projections, n, kind)
	}
}

// kinds counts the streams by their clients.
func (s *Store) kinds() map[kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[kind]int{}
	for session := range s.sessions {
		count[kindOf(session.client)]++
	}
	return count
}

// projections counts what is kept of the current Snapshot.
func (s *Store) projections() map[string]int {
	count := map[string]int{"listeners": 0, "routes": 0, "endpoints": 0, "pods": 0}
	current := s.Current()
	if current == nil {
		return count
	}
	for _, h := range current.subjects.All() {
		h.count(count)
	}
	return count
}
