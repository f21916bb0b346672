package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// staleness is the metric of how long a source has not been heard of. lost says since when; it is nil for one that is always there.
func staleness(lost func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "mizzen_source_lost_seconds",
		Help: "Since how long the API server has not answered: what is served may be as old as that. 0 while it answers, and for a folder.",
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
