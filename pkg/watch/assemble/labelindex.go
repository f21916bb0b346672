package assemble

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// labelIndex knows which sets of labels the pods of each namespace have, which of these are behind Services, and on which
// ports. A rolling update changes few of them, and scaling none.
type labelIndex struct {
	// pods and servers count the pods, and the hosts, that have a set of labels, by namespace.
	pods, servers tally[string, mesh.Labels]
	// ports count the hosts with endpoints on a port, by the labels of the endpoints' pods.
	ports tally[mesh.Workload, uint32]
	// byHost is what the endpoints of each host have, sorted.
	byHost map[string][]listener
	// dirty are the namespaces in which a set came or went, and dirtyPorts have the pods for which a port did.
	dirty      map[string]struct{}
	dirtyPorts map[mesh.Workload]struct{}
}

// listener is a port on which pods with the labels listen. Port 0 is there for all pods, also for those without a port.
type listener struct {
	labels mesh.Labels
	port   uint32
}

func (l listener) compare(o listener) int {
	return cmp.Or(cmp.Compare(l.labels, o.labels), cmp.Compare(l.port, o.port))
}

// tally counts keys in groups. Only what is there has an entry.
type tally[G, K comparable] map[G]map[K]int

// add adds a number, which may be negative, and reports whether the key came or went.
func (t tally[G, K]) add(group G, key K, by int) bool {
	keys := t[group]
	if keys == nil {
		keys = map[K]int{}
		t[group] = keys
	}
	before := keys[key]
	if keys[key] = before + by; before+by == 0 {
		delete(keys, key)
		if len(keys) == 0 {
			delete(t, group)
		}
	}
	return before == 0 || before+by == 0
}

func newLabelIndex() labelIndex {
	return labelIndex{
		pods: tally[string, mesh.Labels]{}, servers: tally[string, mesh.Labels]{}, ports: tally[mesh.Workload, uint32]{},
		byHost: map[string][]listener{}, dirty: map[string]struct{}{}, dirtyPorts: map[mesh.Workload]struct{}{},
	}
}

// putPod replaces a pod; nil if there is none. A pod that has ended does not count.
func (x *labelIndex) putPod(namespace string, old, now *object.Pod) {
	had, has := old != nil && !old.Ended, now != nil && !now.Ended
	if had == has && (!had || old.Labels == now.Labels) {
		return
	}
	if has {
		x.mark(namespace, x.pods.add(namespace, now.Labels, 1))
	}
	if had {
		x.mark(namespace, x.pods.add(namespace, old.Labels, -1))
	}
}

// putHost replaces the endpoints of a host; nil if there are none.
func (x *labelIndex) putHost(host string, set *mesh.EndpointSet) {
	before, now, namespace := x.byHost[host], listeners(set), namespaceOf(host)
	if slices.Equal(before, now) {
		return
	}
	for _, l := range now {
		x.count(namespace, l, 1)
	}
	for _, l := range before {
		x.count(namespace, l, -1)
	}
	if x.byHost[host] = now; len(now) == 0 {
		delete(x.byHost, host)
	}
}

// listeners returns what endpoints have, sorted; set may be nil. Endpoints without a pod do not count, and neither do pods
// that have ended.
func listeners(set *mesh.EndpointSet) []listener {
	if set == nil {
		return nil
	}
	var all []listener
	add := func(l listener) {
		if at, found := slices.BinarySearchFunc(all, l, listener.compare); !found {
			all = slices.Insert(all, at, l)
		}
	}
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		if e.Ended || e.Labels == "" && e.ServiceAccount == "" {
			continue
		}
		add(listener{e.Labels, 0})
		for _, p := range e.Ports {
			add(listener{e.Labels, p.Number})
		}
	}
	return slices.Clip(all)
}

func (x *labelIndex) count(namespace string, l listener, by int) {
	if l.port == 0 {
		x.mark(namespace, x.servers.add(namespace, l.labels, by))
		return
	}
	if w := (mesh.Workload{Namespace: namespace, Labels: l.labels}); x.ports.add(w, l.port, by) {
		x.dirtyPorts[w] = struct{}{}
	}
}

func (x *labelIndex) mark(namespace string, moved bool) {
	if moved {
		x.dirty[namespace] = struct{}{}
	}
}

// serves reports whether pods of a namespace with the labels are servers: they say so, or they are behind a Service.
func (x *labelIndex) serves(namespace string, labels mesh.Labels) bool {
	return labels.ServesByXDS() || x.servers[namespace][labels] > 0
}

// namespaceOf returns the namespace of a Service's host.
func namespaceOf(host string) string {
	_, rest, _ := strings.Cut(host, ".")
	namespace, _, _ := strings.Cut(rest, ".")
	return namespace
}
