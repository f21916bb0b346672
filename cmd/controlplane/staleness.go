package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// staleness is the metric of a source's age. lost returns since when the API server has not responded; zero if it
// responds. It is nil for a source that is always available.
func staleness(lost func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_source_lost_seconds",
		Help: "Seconds since the API server last responded; 0 while it responds and for file sources.",
	}, func() float64 {
		if lost == nil {
			return 0
		}
		since := lost()
		if since.IsZero() {
			return 0
		}
		return time.Since(since).Seconds()
	})
}
