package serving

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// metrics are the Store's metrics.
type metrics struct {
	worlds, changes, woken prometheus.Counter
	refusals, marshals     *prometheus.CounterVec
	// responses and resources are by Type.Rank, because looking up a label takes longer than counting.
	responses, resources []prometheus.Counter
	publishedToSent      prometheus.Histogram
	// waiting, publication and propagation measure a change, see propagation.go.
	waiting, publication, propagation prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer, store *Store) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "mizzen_" + name, Help: help})
	}
	byType := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mizzen_" + name, Help: help}, []string{"type"})
	}
	seconds := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mizzen_" + name + "_seconds", Help: help, Buckets: buckets})
	}
	m := &metrics{
		worlds:   counter("worlds_published_total", "Worlds published since the start."),
		changes:  counter("hosts_changed_total", "Hosts that differed from one published World to the next."),
		woken:    counter("subscriptions_woken_total", "Subscriptions to which a change was sent."),
		refusals: byType("xds_refusals_total", "Discovery responses that a client rejected (NACK)."),
		marshals: byType("resources_marshalled_total", "Resources translated and marshaled; each is shared by all streams."), //nolint:misspell // a contract
		publishedToSent: seconds("publish_to_send", "Seconds from the publication of a World to the building of a response with its change.",
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5),
		waiting: seconds("change_wait", "Seconds from the arrival of a change to the publication of the World that contains it.",
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5),
		publication: seconds("publication", "Seconds to publish a World: to translate the changed resources that clients subscribe to, and to wake their streams.",
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5),
		propagation: seconds("propagation", "Seconds from the arrival of a change to the ACK or NACK of the last connected client that it affects.",
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300),
	}
	responses, resources := byType("xds_responses_total", "Discovery responses sent."),
		byType("xds_resources_sent_total", "Resources in the discovery responses sent.")
	for _, t := range snapshot.Types {
		m.responses, m.resources = append(m.responses, responses.WithLabelValues(t.ShortName())), append(m.resources, resources.WithLabelValues(t.ShortName()))
		// A counter that appears with 1 looks as if it never rose. So it exists, with 0, before the first rejection.
		m.refusals.WithLabelValues(t.ShortName())
	}
	if registry == nil {
		return m
	}
	registry.MustRegister(m.worlds, m.changes, m.woken, responses, resources, m.refusals, m.marshals, m.publishedToSent, m.waiting, m.publication, m.propagation)
	// These are computed when metrics are scraped, so that a change costs nothing for them.
	gauge := func(name, help string, count func() int) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mizzen_" + name, Help: help}, func() float64 {
			return float64(count())
		}))
	}
	gauge("xds_streams", "Open discovery streams.", store.streams)
	gauge("services", "Services in the current World.", func() int { return store.world().Services.Len() })
	gauge("endpoints", "Endpoint addresses in the current World, ready or not.", func() int { return store.world().EndpointCount() })
	registry.MustRegister(newCollector(store))
	gauge("serving_last_good", "1 while the saved state is served because the API server could not be read since the start; otherwise 0.", func() int {
		if store.world().StoredAt.IsZero() {
			return 0
		}
		return 1
	})
	gauge("pods_not_injected", "Pods that came without the bootstrap although their namespace has the label for injection.", store.countNotInjected)
	gauge("unknown_names", "Names that connected gRPC clients dial and that do not exist, once for each namespace of clients.", store.countUnknownNames)
	gauge("resources_held_back", "Resources that are withheld because clients would reject them.", store.withheldCount)
	countProblems(registry, store)
	countSecurity(registry, store)
	return m
}

// countProblems registers a gauge for each severity.
func countProblems(registry prometheus.Registerer, store *Store) {
	for _, severity := range []mesh.Severity{mesh.Error, mesh.Warning, mesh.Info} {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mizzen_problems", Help: "Problems of the current World, by severity.", ConstLabels: prometheus.Labels{"severity": string(severity)},
		}, func() float64 { return float64(store.countProblems(severity)) }))
	}
}

// countSecurity registers gauges of what operators watch while they encrypt and authorize calls. All exist, with 0, from the
// start.
func countSecurity(registry prometheus.Registerer, store *Store) {
	type counted struct {
		value string
		count func() int
	}
	for _, g := range []struct {
		name, help, label string
		values            []counted
	}{
		{
			"servers_not_in_force", "Ports of connected gRPC servers that rejected their configuration, or have not acknowledged it for 30 seconds: what they had before is in force.",
			"why",
			[]counted{{"rejected", func() int { return store.notInForce(Rejected) }}, {"late", func() int { return store.notInForce(Late) }}},
		},
		{
			"accounts_refused", "Accounts whose clients subscribe to a port, and whose every call AuthorizationPolicies refuse, or would refuse if they were enforced.",
			"policies",
			[]counted{{"enforced", func() int { return store.countRefused(false) }}, {"dry_run", func() int { return store.countRefused(true) }}},
		},
		{
			"clients_without_certificate", "Streams that subscribe to hosts with endpoints that take only mTLS, and cannot call these: some of the endpoints, or all.",
			"endpoints",
			[]counted{{"some", func() int { return store.cannotFollow(false) }}, {"all", func() int { return store.cannotFollow(true) }}},
		},
	} {
		for _, v := range g.values {
			registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "mizzen_" + g.name, Help: g.help, ConstLabels: prometheus.Labels{g.label: v.value},
			}, func() float64 { return float64(v.count()) }))
		}
	}
}

func (m *metrics) published(changed, woken int) {
	m.worlds.Inc()
	m.changes.Add(float64(changed))
	m.woken.Add(float64(woken))
}

// sent counts a response. woken is when the World was published whose change the response carries; zero if it answers
// a request.
func (m *metrics) sent(t snapshot.Type, resources int, woken time.Time) {
	if !woken.IsZero() {
		m.publishedToSent.Observe(time.Since(woken).Seconds())
	}
	m.responses[t.Rank()].Inc()
	m.resources[t.Rank()].Add(float64(resources))
}

func (m *metrics) refused(t snapshot.Type) { m.refusals.WithLabelValues(t.ShortName()).Inc() }

func (m *metrics) marshaled(t snapshot.Type) {
	m.marshals.WithLabelValues(t.ShortName()).Inc()
}

func (s *Store) streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

func (s *Store) world() *mesh.World {
	if current := s.Current(); current != nil {
		return current.World()
	}
	return &mesh.World{}
}

func (s *Store) withheldCount() int {
	if current := s.Current(); current != nil {
		return len(current.Withheld())
	}
	return 0
}

// countNotInjected counts pods without the bootstrap. It does not count the Problems of namespaces, which are about pods
// that are older than the label, nor those of single containers, which have a bootstrap and no Java agent.
func (s *Store) countNotInjected() int {
	n := 0
	for _, p := range s.world().Problems {
		if p.Code == mesh.CodeNotInjected && p.Object.Kind == "Pod" && p.Field == "" {
			n++
		}
	}
	return n
}

func (s *Store) countProblems(severity mesh.Severity) int {
	n := 0
	for _, p := range s.Problems() {
		if p.Severity == severity {
			n++
		}
	}
	return n
}
