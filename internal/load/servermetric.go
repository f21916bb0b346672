package load

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// maxMetrics bounds the metrics of one edge. Authors list fewer, but may list others later.
	maxMetrics = 32
	// maxValue is the highest value of a metric that is believed.
	maxValue = 1e15
)

// sum adds up the values of a metric.
type sum struct {
	sum   float64
	count uint64
}

// list finds the names of the metrics that clients are to report about the clusters of a report. It is called without
// Table.mu.
func (s *Stream) list(reports []Report) {
	for i, c := range s.found {
		if c != nil && len(reports[i].Metrics) > 0 && s.listed != nil {
			c.listed = s.listed(c.name.Value())
		}
	}
}

// listedName returns the name by which an author lists a metric; empty if no author does. Old versions of gRPC Go, such as
// 1.64, leave the prefix out, and report all metrics.
func listedName(names []string, name []byte) string {
	for _, n := range names {
		if n == string(name) {
			return n
		}
		if after, ok := strings.CutPrefix(n, "named_metrics."); ok && after == string(name) {
			return n
		}
	}
	return ""
}

// addMetrics adds what the servers of a cluster reported. The caller holds Table.mu.
func (s *Stream) addMetrics(c *reported, r *Report, since, now time.Time) {
	for i := range r.Metrics {
		m := &r.Metrics[i]
		name := listedName(c.listed, m.Name)
		if name == "" {
			s.table.ignored[ignoredMetric]++
			continue
		}
		// A value that is no number is not smaller, either.
		if most := maxValue * float64(max(1, m.Count)); !(m.Sum >= 0 && m.Sum <= most) || m.Count == 0 {
			s.table.ignored[ignoredImplausible]++
			continue
		}
		e, _ := s.zone(c, r.Localities[m.Locality].Zone, since, now)
		total := e.metrics[name]
		if total == nil && len(e.metrics) >= maxMetrics {
			s.table.ignored[ignoredMetric]++
			continue
		}
		if total == nil {
			if e.metrics == nil {
				e.metrics = map[string]*sum{}
			}
			total = &sum{}
			e.metrics[name] = total
		}
		total.sum = math.Min(total.sum+m.Sum, math.MaxFloat64)
		most := c.most
		total.count += s.plausible(m.Count, &most)
	}
}

// metricsOf copies the metrics of an edge, by name. The caller holds Table.mu.
func (e *edge) metricsOf() []ServerMetric {
	var all []ServerMetric
	for _, name := range slices.Sorted(maps.Keys(e.metrics)) {
		all = append(all, ServerMetric{name, e.metrics[name].sum, e.metrics[name].count})
	}
	return all
}

// ServerMetric is a metric of the servers of a destination, as an author lists it: the sum of the values that servers sent with
// the answers to Count calls.
type ServerMetric struct {
	Name  string  `json:"name"`
	Sum   float64 `json:"sum"`
	Count uint64  `json:"count"`
}

// mergeMetrics adds up metrics of one name.
func mergeMetrics(a, b []ServerMetric) []ServerMetric {
	all := slices.Clone(a)
	for _, m := range b {
		if i := slices.IndexFunc(all, func(o ServerMetric) bool { return o.Name == m.Name }); i >= 0 {
			all[i].Sum, all[i].Count = all[i].Sum+m.Sum, all[i].Count+m.Count
			continue
		}
		all = append(all, m)
	}
	return all
}
