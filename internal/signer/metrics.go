package signer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/authority"
)

// The values of the label result, and of the label what.
const (
	resultIssued = "issued"
	resultDenied = "denied"
	resultFailed = "failed"

	failedAnswer    = "answer"
	failedAuthority = "authority"
)

// The values of the label authority.
const (
	labelInUse   = "in_use"
	labelDesired = "desired"
)

// metrics are the signer's metrics.
type metrics struct {
	answers, failures                  *prometheus.CounterVec
	seconds                            prometheus.Histogram
	begins, ends, step                 *prometheus.GaugeVec
	leader, signing, unusable, anchors prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer, waiting func() (int, time.Time)) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_signer_" + name, Help: help})
	}
	gauges := func(name, help, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "mizzen_signer_" + name, Help: help}, []string{label})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mizzen_signer_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		answers:  counters("requests_total", "Requests for certificates answered, by result: issued, denied or failed.", "result"),
		failures: counters("failures_total", "Attempts that failed and are repeated: to answer a request, or to read and write the authority, its state and the bundle.", "what"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mizzen_signer_answer_seconds", Help: "Seconds from the creation of a request to its answer. Creation times have whole seconds.",
			Buckets: []float64{1, 2, 5, 10, 30, 60, 300, 1800},
		}),
		begins:   gauges("authority_begin_timestamp_seconds", "Time at which an authority became valid: the one in use, and the desired one in the Secret.", "authority"),
		ends:     gauges("authority_end_timestamp_seconds", "Time at which an authority ends: the one in use, and the desired one in the Secret.", "authority"),
		step:     gauges("rotation_step", "1 for the step of the rotation that is in effect: none, publish or retire; 0 for the others.", "step"),
		leader:   gauge("leader", "1 on the replica that answers requests; 0 on the others."),
		signing:  gauge("signing", "1 on the replica that leads and has an authority that may sign; else 0."),
		unusable: gauge("authority_unusable", "1 if the authority in the Secret is missing, invalid or expired; 0 if it can be used."),
		anchors:  gauge("roots", "Roots in the trust bundle, as last read."),
	}
	registry.MustRegister(m.answers, m.failures, m.seconds, m.begins, m.ends, m.step, m.leader, m.signing, m.unusable, m.anchors,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mizzen_signer_pending_requests", Help: "Requests for certificates without an answer.",
		}, func() float64 { n, _ := waiting(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mizzen_signer_oldest_request_seconds", Help: "Age in seconds of the oldest request without an answer; 0 if there is no such request.",
		}, func() float64 { return age(waiting()) }))
	m.exist()
	return m
}

// exist makes all series exist from the start: for Prometheus, a counter that appears with its first event has not
// increased.
func (m *metrics) exist() {
	for _, result := range []string{resultIssued, resultDenied, resultFailed} {
		m.answers.WithLabelValues(result)
	}
	for _, what := range []string{failedAnswer, failedAuthority} {
		m.failures.WithLabelValues(what)
	}
	m.setStep(authority.StepNone)
}

func age(n int, oldest time.Time) float64 {
	if n == 0 {
		return 0
	}
	return max(0, time.Since(oldest).Seconds())
}

func (m *metrics) setStep(now authority.Step) {
	for _, step := range authority.Steps {
		set(m.step.WithLabelValues(string(step)), step == now)
	}
}

// setAuthority sets when an authority begins and ends, or removes that if there is no authority.
func (m *metrics) setAuthority(label string, a *authority.Authority) {
	if a == nil {
		m.begins.DeleteLabelValues(label)
		m.ends.DeleteLabelValues(label)
		return
	}
	m.begins.WithLabelValues(label).Set(float64(a.NotBefore().Unix()))
	m.ends.WithLabelValues(label).Set(float64(a.NotAfter().Unix()))
}

func set(gauge prometheus.Gauge, on bool) {
	gauge.Set(0)
	if on {
		gauge.Set(1)
	}
}
