package status

import "github.com/prometheus/client_golang/prometheus"

// counters are the Writer's metrics.
type counters struct {
	writes, failures prometheus.Counter
	leader           prometheus.Gauge
}

func newCounters(registry prometheus.Registerer) *counters {
	c := &counters{
		writes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "mizzen_status_writes_total", Help: "Conditions of objects written."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "mizzen_status_failures_total", Help: "Reconciliations of objects' conditions that ended with an error."}),
		leader:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_leader", Help: "1 on the replica that writes conditions; 0 on the others."}),
	}
	if registry != nil {
		registry.MustRegister(c.writes, c.failures, c.leader)
	}
	return c
}

func (c *counters) written() { c.writes.Inc() }

func (c *counters) failed() { c.failures.Inc() }

func (c *counters) setLeader(now bool) {
	c.leader.Set(0)
	if now {
		c.leader.Set(1)
	}
}
