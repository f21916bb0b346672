package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
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
	isFrom := func(name string) bool {
		return slices.Contains(sourceNames(e.Source.Namespace, e.Source.Workload), name)
	}
	isTo := func(name string) bool { return isDestination(name, e.Destination, e.Subset) }
	isEither := func(name string) bool { return isFrom(name) || isTo(name) }
	if len(s.names) > 0 && !slices.ContainsFunc(s.names, isEither) || s.from != "" && !isFrom(s.from) || s.to != "" && !isTo(s.to) ||
		s.namespace != "" && s.namespace != e.Source.Namespace && s.namespace != e.Destination.Namespace {
		return nil, nil
	}
	return item, nil
}

// isDestination reports whether a text is a name of a destination: SERVICE, NAMESPACE/SERVICE, a host of the Service in any domain, each
// with or without the port, or the name of a cluster.
func isDestination(name string, d load.Destination, subset string) bool {
	host, port := hostOf(name)
	if port != "" && port != strconv.FormatUint(uint64(d.Port), 10) {
		return false
	}
	if parts := strings.Split(name, "|"); len(parts) == 4 && parts[2] != subset {
		return false
	}
	if host == d.Service || host == d.Namespace+"/"+d.Service {
		return true
	}
	domain, ok := strings.CutPrefix(host, d.Service+"."+d.Namespace)
	return ok && d.Namespace != "" && (domain == "" || strings.HasPrefix(domain+".", ".svc."))
}

func sourceNames(namespace, workload string) []string {
	return []string{workload, namespace + "/" + workload}
}

func serviceNames(namespace, service string) []string {
	return []string{service, namespace + "/" + service, service + "." + namespace, mesh.FullHost(service, namespace, "cluster.local")}
}

// unknownEnd fails if no client, or no Service, has the name of an end: the ends of calls that are not reported have no edge.
func unknownEnd(ctx context.Context, all replicas, s selection, bodies [][]byte) error {
	edges, err := itemsOf[load.Edge](all, bodies)
	if err != nil {
		return err
	}
	var sources, services []string
	for i := range edges {
		sources = append(sources, sourceNames(edges[i].Source.Namespace, edges[i].Source.Workload)...)
		services = append(services, serviceNames(edges[i].Destination.Namespace, edges[i].Destination.Service)...)
	}
	states, pods, clients, err := clientsOf(ctx, all)
	if err != nil {
		return nil //nolint:nilerr // which clients there are is not known
	}
	hosts, err := hostsOf(ctx, all)
	if err != nil {
		return nil //nolint:nilerr // which hosts there are is not known
	}
	sources, services = append(sources, clients...), append(services, hosts...)
	what, name, names := s.end(sources, services)
	host, port := hostOf(name)
	ofWorkload := func(pod string) bool { return strings.HasPrefix(pod, name+"-") }
	if s.from == "" && port != "" && slices.Contains(services, host) {
		return unknownPort(ctx, all, host, port)
	}
	if s.to == "" && slices.Contains(clients, name) {
		return noWorkload(name, edges, states)
	}
	if slices.Contains(names, name) || s.from == "" && slices.Contains(names, host) || s.to == "" && slices.ContainsFunc(pods, ofWorkload) {
		return nil
	}
	return noSuchName(what, name, "", nearest(name, names))
}

// end returns what the selection selects edges by, and the names that there are of it.
func (s *selection) end(sources, services []string) (what, name string, names []string) {
	switch {
	case s.from != "":
		return "client", s.from, sources
	case s.to != "":
		return "Service", s.to, services
	}
	return "client or Service", s.names[0], slices.Concat(sources, services)
}

// unknownPort fails if a host that exists has no such port: the calls to one that it has may not be reported.
func unknownPort(ctx context.Context, all replicas, host, port string) error {
	if namespace, service, ok := strings.Cut(host, "/"); ok {
		host = service + "." + namespace
	}
	o := inspectOptions{selection: selection{host: net.JoinHostPort(host, port)}}
	return o.unknownHost(ctx, all)
}

// noWorkload fails if a client that exists is no workload, and so has no edges of itself: it says under which name its calls are counted.
func noWorkload(name string, edges []load.Edge, clients []serving.ClientState) error {
	for i := range clients {
		c := &clients[i]
		if !slices.Contains(clientNames(c), name) {
			continue
		}
		if c.Identity == "" {
			return fmt.Errorf("client %q proves nothing, so the calls of all such clients in its namespace are counted together: inspect edges --from %s/%s", name, c.Namespace, load.UnprovedWorkload)
		}
		_, pod, _ := strings.Cut(c.Identity, "/")
		for n := range edges {
			if workload := edges[n].Source.Namespace + "/" + edges[n].Source.Workload; strings.HasPrefix(pod, workload+"-") {
				return fmt.Errorf("client %q is of a workload, and the calls of all its pods are counted together: inspect edges --from %s", name, workload)
			}
		}
	}
	return nil
}

// clientsOf returns the connected clients, and their names: those of pods begin with the name of their workload.
func clientsOf(ctx context.Context, all replicas) (clients []serving.ClientState, pods, names []string, err error) {
	answered, bodies, _, err := all.fetchAnswered(ctx, stdio{err: io.Discard}, admin.ListPath(listClients))
	if err != nil {
		return nil, nil, nil, err
	}
	clients, err = itemsOf[serving.ClientState](answered, bodies)
	for i := range clients {
		names = append(names, clientNames(&clients[i])...)
		if pod := clients[i].Identity; strings.HasPrefix(pod, "pod/") {
			_, name, _ := strings.Cut(strings.TrimPrefix(pod, "pod/"), "/")
			pods = append(pods, name, strings.TrimPrefix(pod, "pod/"))
		}
	}
	return clients, pods, names, err
}

// hostsOf returns the names of Services, and of other hosts that clients follow.
func hostsOf(ctx context.Context, all replicas) ([]string, error) {
	known, err := objectsOf(ctx, all)
	if err != nil || known == nil {
		return nil, errors.Join(err, errNoPath)
	}
	var hosts []string
	for _, ref := range known {
		if ref.Kind == "Service" || ref.Kind == "ServiceImport" {
			hosts = append(hosts, serviceNames(ref.Namespace, ref.Name)...)
		}
	}
	answered, bodies, _, err := all.fetchAnswered(ctx, stdio{err: io.Discard}, admin.ListPath(listResources))
	if err != nil {
		return nil, err
	}
	resources, err := itemsOf[serving.ResourceState](answered, bodies)
	for i := range resources {
		host, _ := hostOf(resources[i].Name)
		hosts = append(hosts, host)
	}
	return hosts, err
}
