package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// staleness is the metric of a source's age. lost returns since when a kind of objects cannot be read from the API server; zero
// if all can. It is nil for a source that is always available.
func staleness(lost func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_source_lost_seconds",
		Help: "Seconds since a kind of objects cannot be read from the API server: what is served may be that old. 0 while all can be read, and for a folder.",
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
