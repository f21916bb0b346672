package serving

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// collector counts, when metrics are scraped, the streams by client kind and release, the ports of servers by client kind,
// security and state, and the kept translations by what they translate.
type collector struct {
	store                          *Store
	clients, servers, translations *prometheus.Desc
}

func newCollector(s *Store) *collector {
	return &collector{
		store: s,
		clients: prometheus.NewDesc("mizzen_xds_clients",
			"Open discovery streams, by client kind and release.", []string{"agent", "release"}, nil),
		servers: prometheus.NewDesc("mizzen_servers",
			"Ports of connected gRPC servers that are configured by xDS, by client kind, how they take calls, and whether they have their configuration.",
			[]string{"agent", "security", "state"}, nil),
		translations: prometheus.NewDesc("mizzen_projections",
			"Translations kept, by kind: one for each host and each different Input that its clients need.", []string{"kind"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.clients
	out <- c.servers
	out <- c.translations
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for k, n := range c.store.countClients() {
		gauge(c.clients, n, k.kind.String(), k.release.String())
	}
	for k, n := range c.store.countServers() {
		gauge(c.servers, n, k.agent, k.security, k.state)
	}
	for kind, n := range c.store.countTranslations() {
		gauge(c.translations, n, kind)
	}
}

// countClients counts the streams by client kind and release.
func (s *Store) countClients() map[clientRelease]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[clientRelease]int{}
	for session := range s.sessions {
		count[clientReleaseOf(session.client)]++
	}
	return count
}

// CountStreams returns the number of connected streams.
func (s *Store) CountStreams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// countTranslations counts the kept translations of the current Snapshot.
func (s *Store) countTranslations() map[string]int {
	current := s.Current()
	if current == nil {
		current = snapshot.Empty(nil, nil)
	}
	return current.Translations()
}
