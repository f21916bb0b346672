package ads

import "github.com/prometheus/client_golang/prometheus"

// The reasons for which streams are rejected: values of the label "reason".
const (
	refusedUnproved      = "unproved"
	refusedContradiction = "contradiction"
	refusedLimit         = "limit"
	refusedKind          = "kind"
)

// metrics are the metrics of the server.
type metrics struct{ refusals *prometheus.CounterVec }

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mizzen_xds_streams_refused_total",
		Help: "Streams refused, by reason: the client has no proof of its identity (unproved), its node contradicts the proof (contradiction), there are too many streams (limit), or the client is of a kind that is not served (kind).",
	}, []string{"reason"})}
	for _, reason := range []string{refusedUnproved, refusedContradiction, refusedLimit, refusedKind} {
		m.refusals.WithLabelValues(reason) // so that the series exists, at zero, from the start
	}
	if registry != nil {
		registry.MustRegister(m.refusals)
	}
	return m
}

func (m *metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }
