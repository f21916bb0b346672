package lastgood

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the metrics of a File: failures, size and age.
type metrics struct {
	failures    prometheus.Counter
	bytes, when prometheus.Gauge
}

func newMetrics() *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_state_" + name, Help: help})
	}
	return &metrics{
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "mizzen_state_save_failures_total", Help: "Attempts to save the state that failed."}),
		bytes:    gauge("bytes", "Size of the file with the saved state, in bytes."),
		when:     gauge("saved_timestamp_seconds", "Unix time at which this process last saved the state, in seconds; 0 before the first time."),
	}
}

func (m *metrics) saved(size int64, err error, at time.Time) {
	if err != nil {
		m.failures.Inc()
		return
	}
	m.bytes.Set(float64(size))
	m.when.Set(float64(at.UnixMilli()) / 1000)
}

var _ prometheus.Collector = (*File)(nil)

// Describe implements prometheus.Collector.
func (f *File) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, out) }

// Collect implements prometheus.Collector.
func (f *File) Collect(out chan<- prometheus.Metric) {
	f.metrics.failures.Collect(out)
	f.metrics.bytes.Collect(out)
	f.metrics.when.Collect(out)
}
