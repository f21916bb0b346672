package explain

import (
	"errors"
	"fmt"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// Table is where all calls of a client to one name can go.
type Table struct {
	Listener Step `json:"listener"`
	Routes   Step `json:"table"`
	// Absent says why there are no rules; empty if there are.
	Absent string `json:"absent,omitempty"`
	// Rules are in the order in which the client tries them.
	Rules []Rule `json:"rules"`
	// LeftOut is how many rules there are beyond those that were asked for.
	LeftOut int `json:"leftOut"`
}

// Rule is one route of a Table, or a match that no call of the client can meet.
type Rule struct {
	// Index is the position in the route table. A match that was left out has the index of the route after it.
	Index int `json:"index"`
	// LeftOut is set if the client does not get the route, because no call of the client can match it; Why is the reason.
	LeftOut bool   `json:"leftOut,omitempty"`
	Why     string `json:"why,omitempty"`
	// Never is set for the generated route that no call takes: it keeps clusters of weight 0 known to clients.
	Never bool `json:"never,omitempty"`
	// Rule is the author's name for it, if set.
	Rule  string `json:"rule,omitempty"`
	Match string `json:"match,omitempty"`
	// From is where the route was written; empty for a generated route.
	From     []mesh.FieldLocation `json:"from"`
	Settings []string             `json:"settings"`
	// Answer is set if the route itself answers calls: with a redirect, a response or an error.
	Answer   string  `json:"answer,omitempty"`
	Clusters []Share `json:"clusters"`
}

// Share is a cluster that gets a share of the calls of a rule.
type Share struct {
	Name   string `json:"name"`
	Weight uint32 `json:"weight"`
	// Percent is the cluster's share of the calls.
	Percent float64 `json:"share"`
}

// AllCalls lists the routes of a name as the client gets them, at most so many. It fails if clients do not call the name, or
// if a resource cannot be decoded, which is a bug of the control plane.
func AllCalls(s *snapshot.Snapshot, client mesh.Client, to string, most int) (*Table, error) {
	q := questionAs(client, to)
	t := &Table{Rules: []Rule{}}
	var listener listenerv3.Listener
	found, err := read(s, snapshot.ListenerType, q.dialed(), client, &listener)
	if err != nil {
		return nil, err
	}
	t.Listener = found.Step
	if found.notFound {
		t.Absent = fmt.Sprintf("for a client in namespace %s, %q is not a port of a visible Service or a host of a VirtualService", client.Namespace, to)
		return t, nil
	}
	var manager hcmv3.HttpConnectionManager
	if err := listener.GetApiListener().GetApiListener().UnmarshalTo(&manager); err != nil {
		return nil, fmt.Errorf("listener %s: %w", to, err)
	}
	if manager.GetRds() == nil {
		t.Absent = "the Listener is withheld, because the client would reject it: calls fail immediately"
		return t, nil
	}
	var table routev3.RouteConfiguration
	found, err = read(s, snapshot.RouteType, manager.GetRds().GetRouteConfigName(), client, &table)
	if err != nil {
		return nil, err
	}
	t.Routes = found.Step
	if len(table.GetVirtualHosts()) == 0 {
		return nil, errors.New("the RouteConfiguration has no virtual host")
	}
	t.add(found, table.GetVirtualHosts()[0].GetRoutes(), q)
	if more := len(t.Rules) - most; more > 0 {
		t.Rules, t.LeftOut = t.Rules[:most], more
	}
	return t, nil
}

// questionAs is the Question of a client about all calls to a name.
func questionAs(client mesh.Client, to string) Question {
	q := Question{To: to, Client: client, Headers: map[string]string{}}
	if client.Kind.Family() == mesh.FamilyHTTP {
		q.Method, q.Scheme = "GET", "http"
	}
	return q
}

// add adds all routes, and the skipped matches between them.
func (t *Table) add(table tracedResource, all []*routev3.Route, q Question) {
	noun := "method"
	if q.IsHTTP() {
		noun = "path"
	}
	var skipped Answer
	for i := range len(all) + 1 {
		skipped.Routes = nil
		skipped.addSkipped(table, i)
		for _, r := range skipped.Routes {
			t.Rules = append(t.Rules, Rule{
				Index: i, LeftOut: true, Why: r.Why, Rule: r.Rule, From: append([]mesh.FieldLocation{}, r.From...), Settings: []string{}, Clusters: []Share{},
			})
		}
		if i == len(all) {
			return
		}
		r := all[i]
		t.Rules = append(t.Rules, Rule{
			Index: i, Never: r.GetMatch().GetPath() == routes.ZeroWeightPath, Rule: r.GetName(), Match: describe(r.GetMatch(), noun), Answer: answerOf(r, q), Clusters: sharesOf(r),
			From: append([]mesh.FieldLocation{}, table.from(fmt.Sprintf("virtual_hosts[0].routes[%d]", i))...), Settings: append([]string{}, q.routeSettings(r)...),
		})
	}
}

// answerOf says how a route answers calls itself; empty if it does not.
func answerOf(r *routev3.Route, q Question) string {
	var a Answer
	if a.answered(r, q) {
		return a.Outcome
	}
	if fault := abort(r); fault != nil {
		a.aborted(fault, q)
		return a.Outcome
	}
	for _, c := range sharesOf(r) {
		a.Clusters = append(a.Clusters, Cluster{Step: Step{Name: c.Name}})
	}
	if a.refused() {
		return "calls fail: nothing that the rule names can be called, as the Problems of its objects say"
	}
	return ""
}

// sharesOf returns the clusters of a route; none if it has no cluster.
func sharesOf(r *routev3.Route) []Share {
	shares := []Share{}
	if r.GetRoute() == nil {
		return shares
	}
	total := uint32(0)
	for _, w := range weights(r.GetRoute()) {
		total += w.GetWeight().GetValue()
	}
	for _, w := range weights(r.GetRoute()) {
		shares = append(shares, Share{w.GetName(), w.GetWeight().GetValue(), 100 * float64(w.GetWeight().GetValue()) / float64(max(total, 1))})
	}
	return shares
}

// ClusterOf returns a cluster as the client gets it.
func ClusterOf(s *snapshot.Snapshot, client mesh.Client, name string) (Cluster, error) {
	return readCluster(s, name, client)
}
