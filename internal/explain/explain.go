package explain

import (
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Question describes one call.
type Question struct {
	// At names a generation of the configuration; empty for what is served now.
	At string
	// To is the name that the client dials, without xds:///.
	To string
	// Call is the full method name, /package.Service/Method, or the path of a plain HTTP call.
	Call string
	// Method, Scheme and RawQuery are set for a plain HTTP call.
	Method, Scheme, RawQuery string
	// Headers are the application's metadata, by lower-case name.
	Headers map[string]string
	Client  mesh.Client
	// Account is the client's service account. Without a name it is not known.
	Account mesh.Account
	// Pod is the client's pod as NAMESPACE/NAME, in place of Client. Whoever answers sets Client from it.
	Pod string
	// Unresolved means that nothing resolves the names of endpoints, as for files.
	Unresolved bool
}

// Set adds a header to the call. If the header exists, the value is appended to its value, as clients compare them.
func (q Question) Set(name, value string) {
	name = strings.ToLower(name)
	if before, ok := q.Headers[name]; ok {
		value = before + q.separator(name) + value
	}
	q.Headers[name] = value
}

// Explain follows the call. It fails if clients do not call the name, or if a resource cannot be decoded, which is a
// bug of the control plane.
func Explain(s *snapshot.Snapshot, q Question) (*Answer, error) {
	if q.Pod == "" {
		q.Client = s.World().AtNode(q.Client)
	}
	a := &Answer{HTTP: q.IsHTTP(), Routes: []Route{}, Clusters: []Cluster{}, Fails: true}
	q.Headers = q.shownHeaders()
	var listener listenerv3.Listener
	found, err := read(s, snapshot.ListenerType, q.dialed(), q.Client, &listener)
	if err != nil {
		return nil, err
	}
	a.Listener = found.Step
	if found.notFound {
		a.unknown(s, q)
		return a, nil
	}
	var manager hcmv3.HttpConnectionManager
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
		return nil, fmt.Errorf("listener %s: %w", q.To, err)
	}
	if manager.GetRds() == nil {
		a.Outcome = "the call fails immediately: the Listener is withheld, because the client would reject it"
		return a, nil
	}
	var table routev3.RouteConfiguration
	found, err = read(s, snapshot.RouteType, manager.GetRds().GetRouteConfigName(), q.Client, &table)
	if err != nil {
		return nil, err
	}
	taken := a.matchRoutes(found, table.GetVirtualHosts()[0].GetRoutes(), q)
	if taken == nil {
		a.Outcome = "the call fails immediately: no route matches"
		return a, nil
	}
	if a.answered(taken, q) {
		return a, nil
	}
	if err := a.addClusters(s, taken, q); err != nil {
		return nil, err
	}
	if q.IsHTTP() && a.Status == 0 && slices.ContainsFunc(a.Clusters, func(c Cluster) bool { return c.endpoints() > 0 }) {
		return a, a.addSent(s, taken, q)
	}
	return a, nil
}

// unknown fills in the answer for a name that does not exist.
func (a *Answer) unknown(s *snapshot.Snapshot, q Question) {
	a.Unknown = true
	a.Near = s.Near(q.dialed(), q.Client)
	a.Outcome = fmt.Sprintf("the call fails immediately: for a client in namespace %[2]s, %[1]q is not a port of a visible Service or a host of a VirtualService", q.To, q.Client.Namespace)
	if q.IsHTTP() {
		a.Outcome = fmt.Sprintf("the mesh does not know %q for an HTTP client in namespace %s: the application's registry decides, and without one the call fails", q.To, q.Client.Namespace)
	}
	for _, near := range a.Near {
		a.Outcome += "; " + near.Text
	}
}

// addClusters adds the clusters of the route and their endpoints, and the outcome.
func (a *Answer) addClusters(s *snapshot.Snapshot, route *routev3.Route, q Question) error {
	weights := weights(route.GetRoute())
	total, failing, endpoints := uint32(0), 0.0, map[string]bool{}
	for _, w := range weights {
		total += w.GetWeight().GetValue()
	}
	for _, w := range weights {
		c, err := readCluster(s, w.GetName(), q.Client)
		if err != nil {
			return err
		}
		c.Settings = append(c.Settings, q.editSettings(w)...)
		c.Weight = w.GetWeight().GetValue()
		c.Share = 100 * float64(c.Weight) / float64(total)
		c.NotResolved = c.endpoints() == 0 && q.leavesUnresolved(s, w.GetName())
		if len(c.Localities) == 0 && !c.NotResolved {
			failing += c.Share
		}
		for _, l := range c.Localities {
			for _, e := range l.Endpoints {
				endpoints[e] = true
			}
		}
		a.Clusters = append(a.Clusters, c)
	}
	a.Fails = len(endpoints) == 0 && !a.unresolved() || failing > 0
	if fault := abort(route); fault != nil {
		a.aborted(fault, q)
		return nil
	}
	a.reach(len(endpoints), failing)
	if len(endpoints) > 0 && q.Scheme == "https" {
		a.checkTLS(s, q)
	}
	if !q.IsHTTP() {
		a.addServers(s, q)
	}
	return nil
}

// reach says which endpoints a call may go to. failing is the share of calls whose cluster has none, in percent.
func (a *Answer) reach(endpoints int, failing float64) {
	switch {
	case a.unresolved():
		a.Outcome = "the endpoints are not known here: a control plane resolves their names while it serves"
		if failing > 0 {
			a.Outcome += fmt.Sprintf("; %.4g %% of such calls fail because their cluster has no endpoints", failing)
		}
	case a.refused():
		a.Outcome = "the call fails: the matched route refuses it, because nothing that it names can be called; the Problems of the objects above say why"
	case endpoints == 0:
		a.Outcome = "the call fails: the clusters of the matched route have no endpoints"
		if slices.ContainsFunc(a.Clusters, func(c Cluster) bool { return len(c.EndpointNotes) > 0 }) {
			a.Outcome += "; internalTrafficPolicy: Local leaves out those of other nodes"
		}
	case len(a.Clusters) > 1:
		a.Outcome = fmt.Sprintf("the call goes to %s, by the weights of %d clusters", oneOf(endpoints), len(a.Clusters))
		if failing > 0 {
			a.Outcome += fmt.Sprintf("; %.4g %% of such calls fail because their cluster has no endpoints", failing)
		}
	default:
		a.Outcome = "the call goes to " + oneOf(endpoints)
	}
}

// refused reports whether the matched route leads nowhere, because its rule has no destination that can be called.
func (a *Answer) refused() bool {
	return len(a.Clusters) > 0 && !slices.ContainsFunc(a.Clusters, func(c Cluster) bool { return c.Name != resource.RefusedCluster })
}

func (a *Answer) unresolved() bool {
	return slices.ContainsFunc(a.Clusters, func(c Cluster) bool { return c.NotResolved })
}

// leavesUnresolved reports whether a control plane resolves names of endpoints of a cluster, and nothing does here.
func (q Question) leavesUnresolved(s *snapshot.Snapshot, cluster string) bool {
	to, ok := s.CalleeOf(cluster, q.Client)
	service, known := s.World().Services.Get(to.Host)
	return q.Unresolved && ok && known && service.Resolve == mesh.ResolveServer
}

func oneOf(endpoints int) string {
	if endpoints == 1 {
		return "the only endpoint"
	}
	return fmt.Sprintf("one of %d endpoints", endpoints)
}

// aborted fills in the outcome of a fault that ends every call.
func (a *Answer) aborted(fault *faultv3.FaultAbort, q Question) {
	a.Outcome, a.Fails, a.Status = "the route itself ends the call, with "+q.statusOf(fault), true, 0
	if q.IsHTTP() {
		a.Status = int(fault.GetHttpStatus())
	}
}

func readCluster(s *snapshot.Snapshot, name string, client mesh.Client) (Cluster, error) {
	var c clusterv3.Cluster
	found, err := read(s, snapshot.ClusterType, name, client, &c)
	if err != nil {
		return Cluster{}, err
	}
	out := Cluster{Encrypted: c.GetTransportSocket() != nil, Step: found.Step, From: found.from(""), Settings: clusterSettings(&c, found), EndpointOrigins: []mesh.Ref{}}
	if c.GetLoadAssignment() != nil { // resolved by the client
		out.Localities = localities(c.GetLoadAssignment(), found)
		return out, nil
	}
	var load endpointv3.ClusterLoadAssignment
	endpoints, err := read(s, snapshot.EndpointType, c.GetEdsClusterConfig().GetServiceName(), client, &load)
	if err != nil {
		return Cluster{}, err
	}
	out.Localities, out.EndpointOrigins = localities(&load, endpoints), endpoints.Origins
	out.EndpointNotes = nearness(s, name, client, endpoints, out.Localities)
	return out, nil
}

// tracedResource is a resource that was read, with the origins of its parts.
type tracedResource struct {
	Step

	world   *mesh.World
	origins []report.Origin
	skipped []resource.SkippedMatch
	// notFound: the name does not exist.
	notFound bool
}

// from returns where the part of that path was written.
func (r tracedResource) from(path string) []mesh.FieldLocation {
	return r.locate(slices.DeleteFunc(slices.Clone(r.origins), func(p report.Origin) bool { return p.Path != path }))
}

func (r tracedResource) locate(parts []report.Origin) []mesh.FieldLocation {
	var all []mesh.FieldLocation
	for _, p := range parts {
		all = append(all, r.world.Locate(p.Ref, p.Field))
	}
	return all
}

// read decodes a resource as the client gets it.
func read(s *snapshot.Snapshot, t snapshot.Type, name string, client mesh.Client, into proto.Message) (tracedResource, error) {
	v := s.Resource(t, name, client)
	if v == nil {
		return tracedResource{}, fmt.Errorf("%s %s does not exist: clients do not dial this name", t.Name(), name)
	}
	if err := v.Any().UnmarshalTo(into); err != nil {
		return tracedResource{}, fmt.Errorf("%s %s: %w", t.Name(), name, err)
	}
	step := Step{Name: v.Name, Version: v.Version, Origins: append([]mesh.Ref{}, v.Refs...)}
	return tracedResource{step, s.World(), v.Origins, v.SkippedMatches, v.NotFound && !v.StandIn}, nil
}
