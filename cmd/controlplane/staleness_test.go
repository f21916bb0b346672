package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func TestStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost time.Time
		read := func(c prometheus.Collector) float64 {
			t.Helper()
			var m dto.Metric
			if err := c.(prometheus.Metric).Write(&m); err != nil {
				t.Fatal(err)
			}
			return m.GetGauge().GetValue()
		}
		metric := staleness(func() time.Time { return lost })
		if got := read(metric); got != 0 {
			t.Errorf("got %v while the API server answers, want 0", got)
		}
		lost = time.Now()
		<-time.After(90 * time.Second)
		if got := read(metric); got != 90 {
			t.Errorf("got %v after 90 s, want 90", got)
		}
		if got := read(staleness(nil)); got != 0 {
			t.Errorf("got %v for a folder, want 0", got)
		}
	})
}
