package assemble

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// attachedIndex keeps GRPCRoutes and HTTPRoutes, and compiles those of each parent to VirtualServices: one for each kind and
// for each group of clients.
type attachedIndex struct {
	routes map[object.Key]*attachedRoute
	// byHost finds the Routes of a parent, byDestination those that send calls to a host.
	byHost, byDestination index[string, *attachedRoute]
	// byEntry finds the Routes with a ServiceEntry as a parent, and entryHosts returns its hosts.
	byEntry    index[object.ID, *attachedRoute]
	entryHosts func(object.ID) []string
	// tables are what the Routes of each parent were compiled to.
	tables map[string][]*attachedTable
	// dirty are the parents to compile again, missing those without a Service.
	dirty, missing map[string]struct{}
	// unbound are the Routes that have no effect. relist means that they may have changed.
	unbound map[*attachedRoute]struct{}
	relist  bool
}

// attachedRoute is an indexed Route.
type attachedRoute struct {
	*object.Route

	key object.Key
	// parents are the parents with their hosts.
	parents []parentHost
	// calls are the Route as a sender of calls.
	calls *routesEntry
	// effect has the parents on which the Route has an effect.
	effect map[string]struct{}
	// alone is the Route alone, compiled, while it has no effect. stale means that it must be bound again.
	alone *mesh.VirtualService
	stale bool
}

// parentHost is one host of a parent.
type parentHost struct {
	ref  mesh.ParentRef
	host string
}

// attachedTable is what the Routes of one kind, for one parent and one group of clients, were compiled to.
type attachedTable struct {
	kind object.Kind
	// consumer is the namespace of the clients; empty for the producer's Routes, which are for all clients.
	consumer string
	// all means that the Routes are for all ports of the Service; else they are for these ports.
	all    bool
	ports  []uint32
	routes *mesh.VirtualService
}

func newAttachedIndex() attachedIndex {
	return attachedIndex{
		routes: map[object.Key]*attachedRoute{}, byHost: index[string, *attachedRoute]{}, byDestination: index[string, *attachedRoute]{}, byEntry: index[object.ID, *attachedRoute]{},
		tables: map[string][]*attachedTable{}, dirty: map[string]struct{}{}, missing: map[string]struct{}{}, unbound: map[*attachedRoute]struct{}{},
	}
}

// put replaces a Route; nil removes it. retarget is called with each host to which the old or the new one sends calls.
func (x *attachedIndex) put(key object.Key, route *object.Route, retarget func(host string)) {
	old := x.routes[key]
	if old == nil && route == nil || old != nil && route != nil && old.Equal(route) {
		return
	}
	if old != nil {
		x.remove(old, retarget)
	}
	if route != nil {
		x.add(key, route, retarget)
	}
}

// entryMoved follows the hosts of a ServiceEntry, which may be a parent.
func (x *attachedIndex) entryMoved(id object.ID, retarget func(host string)) {
	for _, a := range slices.Clone(x.byEntry[id]) {
		if !slices.Equal(a.parents, x.parentHosts(a.Route)) {
			x.remove(a, retarget)
			x.add(a.key, a.Route, retarget)
		}
	}
}

func (x *attachedIndex) remove(old *attachedRoute, retarget func(host string)) {
	for _, p := range old.parents {
		x.byHost.remove(p.host, old)
		x.dirty[p.host] = struct{}{}
		x.byEntry.remove(old.parentID(p.ref), old)
	}
	for _, host := range old.calls.destinations {
		x.byDestination.remove(host, old)
		retarget(host)
	}
	delete(x.routes, old.key)
	delete(x.unbound, old)
	x.relist = true
}

// parentHosts returns the parents with their hosts. Of a ServiceEntry that does not exist, the host is one that no Service has.
func (x *attachedIndex) parentHosts(route *object.Route) (all []parentHost) {
	for _, ref := range route.Parents {
		if object.Kind(ref.Kind) != object.KindServiceEntry {
			all = append(all, parentHost{ref, route.ParentHost(ref)})
			continue
		}
		id := object.ID{Namespace: route.ParentNamespace(ref), Name: ref.Name}
		hosts := x.entryHosts(id)
		if len(hosts) == 0 {
			hosts = []string{strayHost(id)}
		}
		for _, host := range hosts {
			all = append(all, parentHost{ref, host})
		}
	}
	return all
}

func (a *attachedRoute) parentID(ref mesh.ParentRef) object.ID {
	return object.ID{Namespace: a.ParentNamespace(ref), Name: ref.Name}
}

func (x *attachedIndex) add(key object.Key, route *object.Route, retarget func(host string)) {
	a := &attachedRoute{Route: route, key: key, parents: x.parentHosts(route), calls: callsOf(key, route), effect: map[string]struct{}{}}
	for _, p := range a.parents {
		x.byHost.add(p.host, a)
		x.dirty[p.host] = struct{}{}
		if object.Kind(p.ref.Kind) == object.KindServiceEntry {
			x.byEntry.add(a.parentID(p.ref), a)
		}
	}
	for _, host := range a.calls.destinations {
		x.byDestination.add(host, a)
		retarget(host)
	}
	x.routes[key] = a
}

func (x *attachedIndex) each(kind object.Kind) func(visit func(object.Key, *object.Route)) {
	return func(visit func(object.Key, *object.Route)) {
		for key, a := range x.routes {
			if key.Kind == kind {
				visit(key, a.Route)
			}
		}
	}
}

// callsOf returns a Route as a sender of calls. Their fields are the author's.
func callsOf(key object.Key, route *object.Route) *routesEntry {
	h := &routesEntry{key: key, VirtualService: &object.VirtualService{}, destinations: map[string]string{}}
	for _, parent := range route.Parents {
		if route.Consumer(parent) {
			h.Export.Private = true
		} else {
			h.Export.Public = true
		}
	}
	for _, r := range route.Rules {
		for _, s := range sentByRoutes("", r.Rule.GetRoute()) {
			s.field = r.Author.FieldOf(s.field)
			if !slices.Contains(h.sent, s) {
				h.sent = append(h.sent, s)
			}
		}
		eachDestination(&networking.VirtualService{Http: []*networking.HTTPRoute{r.Rule}}, func(host string) { h.destinations[host] = host })
	}
	return h
}

// rebindTo marks the parents whose Routes send calls to a host.
func (x *attachedIndex) rebindTo(host string) {
	for _, a := range x.byDestination[host] {
		x.rebind(a)
	}
}

func (x *attachedIndex) rebind(a *attachedRoute) {
	for _, p := range a.parents {
		x.dirty[p.host] = struct{}{}
	}
	a.stale = true
}

// candidates returns what the Routes of a parent were compiled to: GRPCRoutes come before HTTPRoutes.
func (x *attachedIndex) candidates(host string) []mesh.VirtualServiceCandidate {
	var all []mesh.VirtualServiceCandidate
	for _, t := range x.tables[host] {
		export := mesh.Export{Public: t.consumer == "", Private: t.consumer != ""}
		all = append(all, mesh.VirtualServiceCandidate{Host: host, VirtualService: t.routes, Export: export})
	}
	return all
}

// attachment is a Route with the ports of a parent that it is for; none means all.
type attachment struct {
	route *attachedRoute
	ports []uint32
}

// table returns the table of a kind and a group of clients, or nil.
func tableFor(tables []*attachedTable, kind object.Kind, consumer string) *attachedTable {
	for _, t := range tables {
		if t.kind == kind && t.consumer == consumer {
			return t
		}
	}
	return nil
}

// compile makes the table of the Routes of one kind for a Service and a group of clients. What did not change keeps its
// pointers.
func (t *attachedTable) compile(host string, list []attachment, destination func(host string) mesh.Destination) {
	mesh.SortFunc(list, func(a, b attachment) int { return a.route.compare(b.route) })
	spec := &networking.VirtualService{Hosts: []string{host}}
	if t.consumer != "" {
		spec.ExportTo = []string{"."}
	}
	next := &mesh.VirtualService{Ref: list[0].route.key.Ref(), Spec: spec, Destinations: map[string]mesh.Destination{}}
	ports := map[uint32]struct{}{}
	for _, a := range list {
		next.Routes = append(next.Routes, &a.route.Written)
		t.all = t.all || len(a.ports) == 0
		for _, port := range a.ports {
			ports[port] = struct{}{}
		}
		for name, full := range a.route.calls.destinations {
			next.Destinations[name] = destination(full)
		}
	}
	t.ports = slices.Sorted(maps.Keys(ports))
	for _, m := range matchesInOrder(list) {
		spec.Http, next.Authors = append(spec.Http, m.rule()), append(next.Authors, m.Author)
	}
	// What no match takes is refused: a Route replaces the route that a Service has by itself.
	end := &networking.HTTPRoute{Name: "unmatched", DirectResponse: &networking.HTTPDirectResponse{Status: statusNotFound}}
	if !t.all {
		end.Match = onPorts(nil, t.ports)
	}
	spec.Http = append(spec.Http, end)
	next.Authors = append(next.Authors, &mesh.Author{Ref: next.Ref, Fields: map[string]string{"": "spec.rules"}})
	if t.routes == nil || !sameCompiled(t.routes, next) {
		t.routes = next
	}
}

// statusNotFound is UNIMPLEMENTED for gRPC clients.
const statusNotFound = 404

func sameCompiled(a, b *mesh.VirtualService) bool {
	return a.Ref == b.Ref && maps.EqualFunc(a.Destinations, b.Destinations, sameDestination) && slices.Equal(a.Routes, b.Routes) &&
		slices.EqualFunc(a.Authors, b.Authors, func(a, b *mesh.Author) bool {
			return a == b || a.Ref == b.Ref && a.Part == b.Part && a.DefaultRetries == b.DefaultRetries && maps.Equal(a.Fields, b.Fields)
		}) && proto.Equal(a.Spec, b.Spec)
}

// compare orders Routes: the oldest first, then by namespace and name.
func (a *attachedRoute) compare(b *attachedRoute) int {
	return cmp.Or(a.Created.Compare(b.Created), a.key.Compare(b.key))
}

// attachedMatch is one match of a Route, for some ports or, without ports, for all.
type attachedMatch struct {
	object.RouteRule

	ports []uint32
}

// matchesInOrder returns the matches of several Routes in the order of the API: by their rank, then the oldest Route, then
// the first by namespace and name, then the order within the Route.
func matchesInOrder(list []attachment) []attachedMatch {
	var all []attachedMatch
	for _, a := range list {
		for _, r := range a.route.Rules {
			all = append(all, attachedMatch{r, a.ports})
		}
	}
	mesh.SortStableFunc(all, func(a, b attachedMatch) int { return slices.Compare(b.Rank[:], a.Rank[:]) })
	return all
}

// rule returns the compiled rule with its ports.
func (m attachedMatch) rule() *networking.HTTPRoute {
	if len(m.ports) == 0 {
		return m.Rule
	}
	rule := &networking.HTTPRoute{
		Name: m.Rule.GetName(), Route: m.Rule.GetRoute(), Redirect: m.Rule.GetRedirect(), Rewrite: m.Rule.GetRewrite(), Timeout: m.Rule.GetTimeout(),
		Retries: m.Rule.GetRetries(), Mirrors: m.Rule.GetMirrors(), Headers: m.Rule.GetHeaders(),
	}
	rule.Match = onPorts(m.Rule.GetMatch(), m.ports)
	return rule
}

// onPorts returns the matches for each of the ports.
func onPorts(matches []*networking.HTTPMatchRequest, ports []uint32) []*networking.HTTPMatchRequest {
	if len(matches) == 0 {
		matches = []*networking.HTTPMatchRequest{{}}
	}
	var all []*networking.HTTPMatchRequest
	for _, m := range matches {
		for _, port := range ports {
			all = append(all, &networking.HTTPMatchRequest{Uri: m.GetUri(), Method: m.GetMethod(), Headers: m.GetHeaders(), QueryParams: m.GetQueryParams(), Port: port})
		}
	}
	return all
}
