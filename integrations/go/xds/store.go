package xds

import (
	"errors"
	"fmt"
	"maps"
	"sync/atomic"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// kind is a type of resources. They are asked for in this order.
type kind uint8

const (
	listeners kind = iota
	routes
	clusters
	endpoints
	kinds
)

// kindRow is what differs between the types.
type kindRow struct {
	name, url string
	read      func(name string, resource *anypb.Any) (any, error)
}

var kindTable = [kinds]kindRow{
	listeners: {"Listener", "type.googleapis.com/envoy.config.listener.v3.Listener", reader(readListener)},
	routes:    {"RouteConfiguration", "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", reader(readRoutes)},
	clusters:  {"Cluster", "type.googleapis.com/envoy.config.cluster.v3.Cluster", reader(readCluster)},
	endpoints: {"ClusterLoadAssignment", "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", reader(readAssignment)},
}

// message is a pointer to one of the types.
type message[M any] interface {
	*M
	proto.Message
}

func reader[T, M any, P message[M]](read func(string, P) (*T, error)) func(string, *anypb.Any) (any, error) {
	return func(name string, resource *anypb.Any) (any, error) {
		m := P(new(M))
		if err := resource.UnmarshalTo(m); err != nil {
			return nil, fmt.Errorf("it cannot be parsed: %w", err)
		}
		return read(name, m)
	}
}

// resource is what is known of one name.
type resource struct {
	// value is the last good one; nil if there is none.
	value   any
	version string
	// lack is why there is no value: it does not exist, or it was rejected. Without either, nothing was answered yet.
	lack error
}

// settled reports whether the control plane answered.
func (r *resource) settled() bool { return r.value != nil || r.lack != nil }

// host is a name that the application calls.
type host struct {
	name   string
	active atomic.Pointer[table]
	// ready is closed when there is the first table.
	ready chan struct{}
	// from is what the table was made from.
	from any
}

// table is all that calls to a host need.
type table struct {
	err      error
	routes   *routeTable
	clusters map[string]*cluster
}

// store is what the control plane sent. The Client's lock guards it.
type store struct {
	hosts    map[string]*host
	known    [kinds]map[string]*resource
	clusters map[string]*cluster
}

func newStore() store {
	s := store{hosts: map[string]*host{}, clusters: map[string]*cluster{}}
	for k := range s.known {
		s.known[k] = map[string]*resource{}
	}
	return s
}

// apply takes a response. It returns the reason to reject it; the resources that are good are taken all the same.
func (s *store) apply(k kind, response *discoveryv3.DeltaDiscoveryResponse) error {
	var rejected []error
	for _, r := range response.GetResources() {
		known := s.known[k][r.GetName()]
		if known == nil {
			continue // unsubscribed meanwhile
		}
		value, err := kindTable[k].read(r.GetName(), r.GetResource())
		if err != nil {
			// The name comes first, by which the control plane finds the object to blame.
			err = fmt.Errorf("%s: %w", r.GetName(), err)
			rejected = append(rejected, err)
			if known.value == nil {
				known.lack = fmt.Errorf("this client rejected the %s %w", kindTable[k].name, err)
			}
			continue
		}
		*known = resource{value: value, version: r.GetVersion()}
	}
	for _, name := range response.GetRemovedResources() {
		if known := s.known[k][name]; known != nil {
			*known = resource{lack: fmt.Errorf("there is no %s %s", kindTable[k].name, name)}
		}
	}
	s.refresh()
	return errors.Join(rejected...)
}

// refresh brings everything in line with what is known: what is to be known, balancers, and tables.
func (s *store) refresh() {
	// A name that one host needs anew may be known because of another one, and then names others.
	for s.follow() {
	}
	for _, c := range s.clusters {
		s.settle(c)
	}
	for _, h := range s.hosts {
		s.renew(h)
	}
	// The new tables no longer name what only the old ones did.
	s.follow()
}

// renew gives a host its newest table, once everything that the table names is settled. Until then the old one holds.
func (s *store) renew(h *host) {
	listener := s.known[listeners][h.name]
	if listener == nil || !listener.settled() {
		return
	}
	from, err := s.tableOf(listener)
	if err == nil && from == nil {
		return
	}
	if err != nil {
		h.publish(&table{err: err}, err.Error())
		return
	}
	t := &table{routes: from, clusters: map[string]*cluster{}}
	for _, name := range from.clusters {
		c := s.clusters[name]
		if c.current.Load() == nil {
			return
		}
		t.clusters[name] = c
	}
	h.publish(t, from)
}

// publish replaces the table, unless it was made from the same.
func (h *host) publish(t *table, from any) {
	if h.from == from {
		return
	}
	h.from = from
	first := h.active.Swap(t) == nil
	if first {
		close(h.ready)
	}
}

// tableOf returns the newest routes of a Listener; nil if they are not known yet, an error if calls must fail.
func (s *store) tableOf(r *resource) (*routeTable, error) {
	if r.value == nil {
		return nil, r.lack
	}
	l := r.value.(*listener)
	if l.inline != nil {
		return l.inline, nil
	}
	known := s.known[routes][l.routes]
	switch {
	case known == nil || !known.settled():
		return nil, nil
	case known.value == nil:
		return nil, known.lack
	}
	return known.value.(*routeTable), nil
}

// settle gives a cluster its newest balancer, once it can be called or is known to fail.
func (s *store) settle(c *cluster) {
	r := s.known[clusters][c.name]
	if !r.settled() {
		return
	}
	if r.value == nil {
		c.fail("no configuration: " + r.lack.Error())
		return
	}
	settings := r.value.(*clusterSettings)
	if settings.own != nil {
		c.rebuild(settings, settings.own)
		return
	}
	switch e := s.known[endpoints][settings.endpoints]; {
	case e.value != nil:
		c.rebuild(settings, e.value.(*assignment))
	case e.lack != nil:
		c.fail("no endpoints: " + e.lack.Error())
	}
}

// names are what is needed, by type.
type names [kinds]map[string]bool

func (n *names) add(k kind, list ...string) {
	if n[k] == nil {
		n[k] = map[string]bool{}
	}
	for _, name := range list {
		n[k][name] = true
	}
}

// follow makes known exactly what hosts need, and reports whether that changed.
func (s *store) follow() (changed bool) {
	var needed names
	for _, h := range s.hosts {
		s.needs(h, &needed)
	}
	for name := range needed[clusters] {
		if s.clusters[name] == nil {
			s.clusters[name] = &cluster{name: name}
		}
		if r := s.known[clusters][name]; r != nil && r.value != nil && r.value.(*clusterSettings).own == nil {
			needed.add(endpoints, r.value.(*clusterSettings).endpoints)
		}
	}
	maps.DeleteFunc(s.clusters, func(name string, _ *cluster) bool { return !needed[clusters][name] })
	for k := range needed {
		for name := range needed[k] {
			if s.known[k][name] == nil {
				s.known[k][name], changed = &resource{}, true
			}
		}
		maps.DeleteFunc(s.known[k], func(name string, _ *resource) bool {
			changed = changed || !needed[k][name]
			return !needed[k][name]
		})
	}
	return changed
}

// needs adds the Listener, routes and clusters of a host.
func (s *store) needs(h *host, needed *names) {
	needed.add(listeners, h.name)
	if r := s.known[listeners][h.name]; r != nil && r.value != nil {
		if l := r.value.(*listener); l.inline == nil {
			needed.add(routes, l.routes)
		}
		if t, _ := s.tableOf(r); t != nil {
			needed.add(clusters, t.clusters...)
		}
	}
	// Calls follow the old table until the new one is complete.
	if t := h.active.Load(); t != nil && t.routes != nil {
		needed.add(clusters, t.routes.clusters...)
	}
}
