package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// edgeRows has one row for each edge. How many calls fail is a share of those of the last minute, or of all if there were
// none.
func edgeRows(body []byte) ([][]string, error) {
	rows := [][]string{{"FROM", "TO", "SUBSET", "ZONE", "CALLS/S", "FAILED", "DROPPED", "IN PROGRESS", "REPORTED"}}
	now := time.Now()
	err := eachItem(body, func(e load.Edge) {
		rows = append(rows, []string{
			edgeSource(e.Source), edgeDestination(e.Destination), cmp.Or(e.Subset, "-"), cmp.Or(e.Zone, "-"),
			strconv.FormatFloat(e.CallsPerSecond, 'f', 1, 64), failedShare(e), strconv.FormatUint(e.Dropped, 10),
			strconv.FormatUint(e.InProgress, 10), fmt.Sprintf("%v ago", max(0, now.Sub(e.Reported)).Round(time.Second)),
		})
	})
	return rows, err
}

// edgeTotalRows is edgeRows with the totals since the control plane knows the edge.
func edgeTotalRows(body []byte) ([][]string, error) {
	rows, err := edgeRows(body)
	if err != nil {
		return nil, err
	}
	rows[0] = append(rows[0], "CALLS", "ERRORS", "REPLICA")
	i := 0
	err = eachItem(body, func(e load.Edge) {
		i++
		rows[i] = append(rows[i], strconv.FormatUint(e.Calls, 10), strconv.FormatUint(e.Errors, 10), cmp.Or(e.Replica, "-"))
	})
	return rows, err
}

func failedShare(e load.Edge) string {
	failed, all := e.ErrorsPerSecond, e.CallsPerSecond
	if all == 0 {
		failed, all = float64(e.Errors), float64(e.Calls)
	}
	if all == 0 {
		return "-"
	}
	return strconv.FormatFloat(100*failed/all, 'f', 1, 64) + " %"
}

func edgeSource(s load.Source) string {
	name := s.Namespace + "/" + s.Workload
	if s.Unproved && s.Workload != load.UnprovedWorkload {
		name += " (unproved)"
	}
	return name
}

func edgeDestination(d load.Destination) string {
	name := d.Service
	if d.Namespace != "" {
		name = d.Namespace + "/" + name
	}
	return net.JoinHostPort(name, strconv.FormatUint(uint64(d.Port), 10))
}

func edgeName(item []byte) (string, error) {
	var e load.Edge
	err := json.Unmarshal(item, &e)
	return "edge/" + edgeSource(e.Source) + "/" + edgeDestination(e.Destination), err
}

// joinEdges adds up what the clients of several replicas report about one edge.
func joinEdges(body []byte) ([]byte, error) {
	var all []load.Edge
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	return json.Marshal(load.Merge(all))
}

// edge selects an edge by its ends. A name selects either end, and a namespace the edges from or to it.
func (s *selection) edge(item json.RawMessage) (json.RawMessage, error) {
	var e load.Edge
	if err := json.Unmarshal(item, &e); err != nil {
		return nil, err
	}
	from := []string{e.Source.Workload, e.Source.Namespace + "/" + e.Source.Workload}
	to := []string{
		e.Destination.Service, e.Destination.Namespace + "/" + e.Destination.Service, e.Destination.Service + "." + e.Destination.Namespace,
		edgeDestination(e.Destination), mesh.FullHost(e.Destination.Service, e.Destination.Namespace, "cluster.local"),
	}
	one := func(name string, names []string) bool {
		return name == "" || (&selection{names: []string{name}}).named(names...)
	}
	if !s.named(append(from, to...)...) || !one(s.from, from) || !one(s.to, to) ||
		s.namespace != "" && s.namespace != e.Source.Namespace && s.namespace != e.Destination.Namespace {
		return nil, nil
	}
	return item, nil
}
