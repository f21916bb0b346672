package load

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	edgeLabels = []string{
		"source_workload", "source_namespace", "destination_service", "destination_namespace", "destination_port", "subset", "destination_workload", "zone",
	}
	callsDesc = prometheus.NewDesc("mizzen_calls_total",
		"Attempts of calls that clients report, by outcome: they ended with the status OK (ok) or another one (error), or the client did not send the call, such as beyond a limit (dropped). A part of the mesh: that of this replica's clients. Take rate before sum.",
		append(slices.Clip(edgeLabels), "outcome"), nil)
	inProgressDesc = prometheus.NewDesc("mizzen_calls_in_progress", "Attempts of calls that had not ended at the clients' last reports.", edgeLabels, nil)
	streamsDesc    = prometheus.NewDesc("mizzen_load_report_streams", "Open streams on which clients report their load.", nil, nil)
	reportsDesc    = prometheus.NewDesc("mizzen_load_reports_total", "Reports of clients about their load.", nil, nil)
	ignoredDesc    = prometheus.NewDesc("mizzen_load_reports_ignored_total",
		"Parts of reports that were left out, by reason: the client does not subscribe to the cluster (not_subscribed), a number is higher than can be true (implausible), the report is about too many clusters or zones (too_many_clusters), the edge was counted as \"other\" (too_many_edges), no length of the report that can be true (no_interval), more bytes than are read (too_large), or a report sooner than was asked for (too_often).",
		[]string{"reason"}, nil)
)

// Workload finds the workload to which all endpoints of a destination belong; empty if they belong to several, or to none.
type Workload func(to Destination, subset string) string

// Collector makes metrics of a Table.
type Collector struct {
	table    *Table
	workload Workload
}

// NewCollector returns a Collector. workload may be nil.
func NewCollector(t *Table, workload Workload) *Collector { return &Collector{t, workload} }

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{callsDesc, inProgressDesc, streamsDesc, reportsDesc, ignoredDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	workloads := map[target]string{}
	for _, e := range c.table.Edges() {
		to := target{e.Destination, e.Subset}
		workload, known := workloads[to]
		if !known && c.workload != nil {
			workload = c.workload(e.Destination, e.Subset)
			workloads[to] = workload
		}
		labels := []string{
			e.Source.Workload, e.Source.Namespace, e.Destination.Service, e.Destination.Namespace, strconv.FormatUint(uint64(e.Destination.Port), 10), e.Subset, workload, e.Zone,
		}
		for _, outcome := range []struct {
			name string
			n    uint64
		}{{"ok", e.Calls - e.Errors}, {"error", e.Errors}, {"dropped", e.Dropped}} {
			ch <- prometheus.MustNewConstMetric(callsDesc, prometheus.CounterValue, float64(outcome.n), append(slices.Clip(labels), outcome.name)...)
		}
		ch <- prometheus.MustNewConstMetric(inProgressDesc, prometheus.GaugeValue, float64(e.InProgress), labels...)
	}
	c.table.mu.Lock()
	streams, reports, ignored := c.table.streams, c.table.reports, c.table.ignored
	c.table.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(streamsDesc, prometheus.GaugeValue, float64(streams))
	ch <- prometheus.MustNewConstMetric(reportsDesc, prometheus.CounterValue, float64(reports))
	for reason, n := range ignored {
		ch <- prometheus.MustNewConstMetric(ignoredDesc, prometheus.CounterValue, float64(n), ignoredNames[reason])
	}
}
