package load

import (
	"cmp"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Source is a workload that calls.
type Source struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Unproved is set if only the client itself says in which namespace it is.
	Unproved bool `json:"unproved,omitempty"`
}

// Destination is a port of a Service. For a host that is no Service of the cluster, Service is the host.
type Destination struct {
	Service   string `json:"service"`
	Namespace string `json:"namespace"`
	Port      uint32 `json:"port"`
}

// Edge is what the clients of one workload report about their calls to one destination. Calls and Errors are attempts
// since the process knows the edge.
type Edge struct {
	Source      Source      `json:"source"`
	Destination Destination `json:"destination"`
	// Subset is the subset of a DestinationRule; empty for calls to all endpoints.
	Subset string `json:"subset"`
	// Zone is the zone of the endpoints; empty if it is not known. Dropped calls have none.
	Zone string `json:"zone"`
	// Calls are the attempts that ended, Errors those of them with another status than OK. Dropped are calls that the
	// client did not send, such as those beyond a limit.
	Calls   uint64 `json:"calls"`
	Errors  uint64 `json:"errors"`
	Dropped uint64 `json:"dropped"`
	// InProgress is the number of attempts that had not ended at the last reports.
	InProgress uint64 `json:"in_progress"`
	// CallsPerSecond and ErrorsPerSecond are averages over the last six intervals that all clients have reported.
	CallsPerSecond  float64 `json:"calls_per_second"`
	ErrorsPerSecond float64 `json:"errors_per_second"`
	// Metrics are those of the servers that authors list.
	Metrics []ServerMetric `json:"metrics,omitempty"`
	// Reported is the time of the last report.
	Reported time.Time `json:"reported"`
	// Replica names the replica that the clients are connected to. It is set by the caller that asks several.
	Replica string `json:"replica,omitempty"`
}

// Compare orders edges by source, destination, subset and zone.
func Compare(a, b Edge) int {
	return cmp.Or(
		cmp.Compare(a.Source.Namespace, b.Source.Namespace), cmp.Compare(a.Source.Workload, b.Source.Workload),
		cmp.Compare(a.Destination.Namespace, b.Destination.Namespace), cmp.Compare(a.Destination.Service, b.Destination.Service),
		cmp.Compare(a.Destination.Port, b.Destination.Port), cmp.Compare(a.Subset, b.Subset), cmp.Compare(a.Zone, b.Zone),
		cmp.Compare(a.Replica, b.Replica))
}

// Merge makes one list of the edges of several replicas. What clients of several replicas report about one edge is added up.
func Merge(all []Edge) []Edge {
	type key struct {
		source       Source
		destination  Destination
		subset, zone string
	}
	at := map[key]int{}
	merged := []Edge{}
	for _, e := range all {
		k := key{e.Source, e.Destination, e.Subset, e.Zone}
		i, ok := at[k]
		if !ok {
			at[k] = len(merged)
			merged = append(merged, e)
			continue
		}
		m := &merged[i]
		m.Calls, m.Errors, m.Dropped, m.InProgress = m.Calls+e.Calls, m.Errors+e.Errors, m.Dropped+e.Dropped, m.InProgress+e.InProgress
		m.CallsPerSecond, m.ErrorsPerSecond = m.CallsPerSecond+e.CallsPerSecond, m.ErrorsPerSecond+e.ErrorsPerSecond
		m.Metrics = mergeMetrics(m.Metrics, e.Metrics)
		if e.Reported.After(m.Reported) {
			m.Reported = e.Reported
		}
		if e.Replica != "" && e.Replica != m.Replica {
			m.Replica += "," + e.Replica
		}
	}
	mesh.SortFunc(merged, Compare)
	return merged
}
