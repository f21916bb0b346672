package load

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/internal/wire"
)

// Decoder takes LoadStatsRequests apart. It reads the few fields that are used, and reuses its memory.
type Decoder struct {
	// Node is the encoded node, which only the first message of a stream has. It shares the message's memory, as Reports do.
	Node    []byte
	Reports []Report

	report   *Report
	locality *Locality
	// localities and metrics have those of all reports, one report after the other: otherwise each report, of which a client chooses
	// which is large, would keep the memory that it once had. The current report begins at firstLocality and firstMetric.
	localities                 []Locality
	metrics                    []Metric
	firstLocality, firstMetric int
}

// The field numbers of a LoadStatsRequest, a ClusterStats, an UpstreamLocalityStats, a Locality and a Duration.
const (
	nodeField, statsField                                                       = 1, 2
	clusterField, localitiesField, droppedField, intervalField                  = 1, 2, 3, 4
	localityField, okField, inProgressField, errorField                         = 1, 2, 3, 4
	zoneField                                                                   = 2
	secondsField, nanosField                                                    = 1, 2
	metricsField, metricNameField, metricCountField, metricSumField             = 5, 1, 2, 3
	cpuField, memoryField, applicationField, unnamedCountField, unnamedSumField = 12, 13, 14, 1, 2
)

var errNotText = errors.New("a name is not valid UTF-8")

// maxLocalities bounds the localities of one cluster, and maxDecodedMetrics the metrics of their servers that are decoded.
const (
	maxLocalities     = 1000
	maxDecodedMetrics = maxLocalities * maxMetrics
)

// maxReports bounds the reports of one message that are decoded. It exceeds MaxClusters, so that a Stream sees that there are more.
const maxReports = MaxClusters + 1

// Decode reads one encoded LoadStatsRequest.
func (d *Decoder) Decode(b []byte) error {
	d.Node, d.Reports, d.localities, d.metrics = nil, d.Reports[:0], d.localities[:0], d.metrics[:0]
	if err := wire.Fields(b, d.field); err != nil {
		return fmt.Errorf("LoadStatsRequest: %w", err)
	}
	return nil
}

func (d *Decoder) field(number protowire.Number, value []byte) error {
	switch {
	case number == nodeField:
		d.Node = value
	case number == statsField && len(d.Reports) == maxReports:
		d.report.Extra++
	case number == statsField:
		d.Reports = append(d.Reports, Report{})
		d.report = &d.Reports[len(d.Reports)-1]
		d.firstLocality, d.firstMetric = len(d.localities), len(d.metrics)
		return wire.All(value, d.statsField, d.statsNumber)
	}
	return nil
}

func (d *Decoder) statsField(number protowire.Number, value []byte) error {
	switch int32(number) {
	case clusterField:
		d.report.Cluster = value
		return text(value)
	case localitiesField:
		if len(d.report.Localities) == maxLocalities {
			d.report.Extra++
			return nil
		}
		d.localities = append(d.localities, Locality{})
		d.locality = &d.localities[len(d.localities)-1]
		d.report.Localities = d.localities[d.firstLocality:]
		return wire.All(value, d.localityField, d.localityNumber)
	case intervalField:
		var seconds, nanos uint64
		err := wire.All(value, skip, func(number protowire.Number, value uint64) {
			switch int32(number) {
			case secondsField:
				seconds = value
			case nanosField:
				nanos = value
			}
		})
		if seconds < math.MaxInt32 && nanos < uint64(time.Second) { // Others are no duration that a report covers.
			d.report.Interval = time.Duration(seconds)*time.Second + time.Duration(nanos)
		}
		return err
	}
	return nil
}

func (d *Decoder) statsNumber(number protowire.Number, value uint64) {
	if number == droppedField {
		d.report.Dropped = value
	}
}

func (d *Decoder) localityField(number protowire.Number, value []byte) error {
	switch int32(number) {
	case localityField:
	case metricsField, cpuField, memoryField, applicationField:
		return d.metricField(number, value)
	default:
		return nil
	}
	return wire.Fields(value, func(number protowire.Number, value []byte) error {
		if number == zoneField {
			d.locality.Zone = value
			return text(value)
		}
		return nil
	})
}

func (d *Decoder) localityNumber(number protowire.Number, value uint64) {
	switch int32(number) {
	case okField:
		d.locality.OK = value
	case errorField:
		d.locality.Errors = value
	case inProgressField:
		d.locality.InProgress = value
	}
}

func skip(protowire.Number, []byte) error { return nil }

func text(b []byte) error {
	if !utf8.Valid(b) {
		return errNotText
	}
	return nil
}

// metricField reads a metric of the servers of the current locality. Those that have a field each have the name that authors
// list.
func (d *Decoder) metricField(number protowire.Number, b []byte) error {
	if len(d.report.Metrics) == maxDecodedMetrics {
		d.report.Extra++
		return nil
	}
	m := Metric{Locality: len(d.report.Localities) - 1}
	var err error
	switch int32(number) {
	case metricsField:
		err = m.fields(b, metricNameField, metricCountField, metricSumField)
	case cpuField:
		m.Name, err = cpuName, m.fields(b, 0, unnamedCountField, unnamedSumField)
	case memoryField:
		m.Name, err = memoryName, m.fields(b, 0, unnamedCountField, unnamedSumField)
	case applicationField:
		m.Name, err = applicationName, m.fields(b, 0, unnamedCountField, unnamedSumField)
	}
	d.metrics = append(d.metrics, m)
	d.report.Metrics = d.metrics[d.firstMetric:]
	return errors.Join(err, text(m.Name))
}

// fields reads the fields of a metric, which have these numbers.
func (m *Metric) fields(b []byte, name, count, total protowire.Number) error {
	for len(b) > 0 {
		tag, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch {
		case tag == name && wire == protowire.BytesType:
			m.Name, n = protowire.ConsumeBytes(b)
		case tag == count && wire == protowire.VarintType:
			m.Count, n = protowire.ConsumeVarint(b)
		case tag == total && wire == protowire.Fixed64Type:
			var bits uint64
			bits, n = protowire.ConsumeFixed64(b)
			m.Sum = math.Float64frombits(bits)
		default:
			n = protowire.ConsumeFieldValue(tag, wire, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

var cpuName, memoryName, applicationName = []byte("cpu_utilization"), []byte("mem_utilization"), []byte("application_utilization")
