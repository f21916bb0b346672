package load

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var (
	// edgeLabels are sorted, as labels of metrics must be.
	edgeLabels = []string{
		"destination_namespace", "destination_port", "destination_service", "destination_workload", "source_namespace", "source_workload", "subset", "zone",
	}
	callsDesc = prometheus.NewDesc("mizzen_calls_total",
		"Attempts of calls that clients report, by outcome: they ended with the status OK (ok) or another one (error), or the client did not send the call, such as beyond a limit (dropped). A part of the mesh: that of this replica's clients. Take rate before sum.",
		append(slices.Clip(edgeLabels), "outcome"), nil)
	inProgressDesc = prometheus.NewDesc("mizzen_calls_in_progress", "Attempts of calls that had not ended at the clients' last reports.", edgeLabels, nil)
	metricSumDesc  = prometheus.NewDesc("mizzen_reported_metric_sum",
		"Sum of the values of a metric that servers sent with their answers (ORCA), of those that the annotation mizzen.dev/reported-metrics lists.", append(slices.Clip(edgeLabels), "name"), nil)
	metricCountDesc = prometheus.NewDesc("mizzen_reported_metric_count", "Answers with such a value.", append(slices.Clip(edgeLabels), "name"), nil)
	streamsDesc     = prometheus.NewDesc("mizzen_load_report_streams", "Open streams on which clients report their load.", nil, nil)
	reportsDesc     = prometheus.NewDesc("mizzen_load_reports_total", "Reports of clients about their load.", nil, nil)
	ignoredDesc     = prometheus.NewDesc("mizzen_load_reports_ignored_total",
		"Parts of reports that were left out, by reason: the client does not subscribe to the cluster (not_subscribed), a number or a name is too large to be true (implausible), the report is about too many clusters or zones (too_many_clusters), the edge was counted as \"other\" (too_many_edges), no length of the report that can be true (no_interval), more bytes than are read (too_large), a report sooner than was asked for (too_often), or a metric that no author lists (metric_not_listed).",
		[]string{"reason"}, nil)
)

// furtherAt is where the labels "outcome" and "name" are among the sorted labels.
const furtherAt = 4

var outcomeOK, outcomeError, outcomeDropped = outcomeOf("ok"), outcomeOf("error"), outcomeOf("dropped")

func outcomeOf(value string) *dto.LabelPair {
	return &dto.LabelPair{Name: new("outcome"), Value: &value}
}

// sample is a metric whose labels are made once for all samples of an edge: a mesh has many, and a scrape is for all.
type sample struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair
	counter *dto.Counter
	gauge   *dto.Gauge
}

// Desc implements prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *sample) Write(m *dto.Metric) error {
	m.Label, m.Counter, m.Gauge = s.labels, s.counter, s.gauge
	return nil
}

// withLabel returns labels with a further one.
func withLabel(labels []*dto.LabelPair, further *dto.LabelPair) []*dto.LabelPair {
	return slices.Insert(slices.Clone(labels), furtherAt, further)
}

func value(n uint64) *float64 {
	f := float64(n)
	return &f
}

// labelsOf returns the labels of an edge, in the order of edgeLabels.
func (c *Collector) labelsOf(e Edge, workload string) []*dto.LabelPair {
	values := []string{
		e.Destination.Namespace, strconv.FormatUint(uint64(e.Destination.Port), 10), e.Destination.Service, workload, e.Source.Namespace, e.Source.Workload, e.Subset, e.Zone,
	}
	pairs, labels := make([]dto.LabelPair, len(values)), make([]*dto.LabelPair, len(values))
	for i := range values {
		pairs[i].Name, pairs[i].Value = c.names[i], &values[i]
		labels[i] = &pairs[i]
	}
	return labels
}

// Workload finds the workload to which all endpoints of a destination belong; empty if they belong to several, or to none.
type Workload func(to Destination, subset string) string

// Collector makes metrics of a Table.
type Collector struct {
	table    *Table
	workload Workload
	// names are edgeLabels.
	names []*string
}

// NewCollector returns a Collector. workload may be nil.
func NewCollector(t *Table, workload Workload) *Collector {
	c := &Collector{table: t, workload: workload}
	for _, name := range edgeLabels {
		c.names = append(c.names, &name)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{callsDesc, inProgressDesc, metricSumDesc, metricCountDesc, streamsDesc, reportsDesc, ignoredDesc} {
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
		labels := c.labelsOf(e, workload)
		for _, outcome := range []struct {
			label *dto.LabelPair
			n     uint64
		}{{outcomeOK, e.Calls - e.Errors}, {outcomeError, e.Errors}, {outcomeDropped, e.Dropped}} {
			ch <- &sample{callsDesc, withLabel(labels, outcome.label), &dto.Counter{Value: value(outcome.n)}, nil}
		}
		for _, m := range e.Metrics {
			named := withLabel(labels, &dto.LabelPair{Name: new("name"), Value: &m.Name})
			ch <- &sample{metricSumDesc, named, &dto.Counter{Value: &m.Sum}, nil}
			ch <- &sample{metricCountDesc, named, &dto.Counter{Value: value(m.Count)}, nil}
		}
		ch <- &sample{inProgressDesc, labels, nil, &dto.Gauge{Value: value(e.InProgress)}}
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
