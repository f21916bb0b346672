package view

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// Endpoints are the endpoints of a host.
type Endpoints struct {
	EndpointCounts

	LeftOut int        `json:"leftOut"`
	Items   []Endpoint `json:"items"`
}

// Endpoint is an endpoint of a host.
type Endpoint struct {
	Address    string            `json:"address"`
	Additional string            `json:"additional,omitempty"`
	Ports      []Port            `json:"ports"`
	Pod        string            `json:"pod,omitempty"`
	Workload   string            `json:"workload,omitempty"`
	Account    string            `json:"serviceAccount,omitempty"`
	Node       string            `json:"node,omitempty"`
	Region     string            `json:"region,omitempty"`
	Zone       string            `json:"zone,omitempty"`
	SubZone    string            `json:"subzone,omitempty"`
	Cluster    string            `json:"cluster,omitempty"`
	Labels     map[string]string `json:"labels"`
	// Subsets are those that select the endpoint.
	Subsets []string `json:"subsets"`
	Health  string   `json:"health"`
	Weight  uint32   `json:"weight"`
	// Security is how the endpoint takes calls: plaintext, mTLS or closed.
	Security string `json:"security"`
	// Used is set if routes send calls there. Why says why not, or only under a condition.
	Used bool     `json:"used"`
	Why  []string `json:"why"`
}

// Subset is a subset of the endpoints.
type Subset struct {
	Name      string             `json:"name"`
	Labels    map[string]string  `json:"labels"`
	From      mesh.FieldLocation `json:"from"`
	Endpoints EndpointCounts     `json:"endpoints"`
}

var healthNames = map[mesh.Health]string{mesh.Ready: "ready", mesh.Draining: "draining", mesh.NotReady: "notReady"}

// reach has what routes lead to, by address and port.
type reach map[string]reached

// reached is how routes lead to an address.
type reached struct {
	// known is set if routes lead there.
	known bool
	// called is set if a cluster with a weight has it. Otherwise all such clusters have the weight 0.
	called bool
	// priority is its lowest priority in a cluster that is called.
	priority uint32
}

// add adds the endpoints of a cluster with a weight.
func (r reach) add(c *Cluster, weight uint32) {
	for _, l := range c.Localities {
		for _, address := range l.Endpoints {
			before := r[address]
			one := reached{known: true, called: weight > 0, priority: l.Priority}
			switch {
			case !before.known || one.called && !before.called:
				r[address] = one
			case one.called == before.called:
				r[address] = reached{true, one.called, min(one.priority, before.priority)}
			}
		}
	}
}

// addEndpoints adds the endpoints and the subsets of the rule that applies to the client.
func (h *HostView) addEndpoints(s *snapshot.Snapshot, facts translate.Facts, client mesh.Client, reached reach) {
	h.Endpoints.Items, h.Subsets = []Endpoint{}, []Subset{}
	if rule := facts.DestinationRules.ForClient(client); rule != nil {
		for _, subset := range rule.Subsets {
			h.Subsets = append(h.Subsets, Subset{Name: subset.Name, Labels: copyOf(subset.Labels), From: s.World().Locate(subset.Ref, subset.Field)})
		}
	}
	of, set := facts.Service, facts.Endpoints
	if facts.Alias != nil && facts.Alias.IsService() {
		of = facts.Alias.Service
		set, _ = s.World().Endpoints.Get(of.Host)
	}
	if of == nil || set == nil {
		return
	}
	for i := range set.Endpoints {
		e := &set.Endpoints[i]
		h.Endpoints.add(e.Health)
		var subsets []string
		for j := range h.Subsets {
			if e.Match(h.Subsets[j].Labels) {
				h.Subsets[j].Endpoints.add(e.Health)
				subsets = append(subsets, h.Subsets[j].Name)
			}
		}
		if len(h.Endpoints.Items) == maxEndpoints {
			h.Endpoints.LeftOut++
			continue
		}
		one := endpointOf(s.World(), e, subsets)
		one.judge(of, e, client, reached)
		h.Endpoints.Items = append(h.Endpoints.Items, one)
	}
}

func endpointOf(world *mesh.World, e *mesh.Endpoint, subsets []string) Endpoint {
	at := e.Topology.Locality()
	one := Endpoint{
		Address: e.Address, Additional: e.Additional, Ports: portsOf(e.Ports), Account: e.ServiceAccount, Node: e.Topology.Node(),
		Region: at.Region, Zone: at.Zone, SubZone: at.SubZone, Cluster: e.Topology.Cluster(), Labels: copyOf(e.Labels.Map()),
		Subsets: append([]string{}, subsets...), Health: healthNames[e.Health], Weight: e.EffectiveWeight(), Why: []string{},
	}
	if pod, ok := world.PodByAddress(e.Address); ok {
		one.Pod, one.Workload = pod.Ref.Namespace+"/"+pod.Ref.Name, load.WorkloadOf(pod)
	}
	return one
}

func copyOf(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return maps.Clone(labels)
}

// judge says whether routes send calls to the endpoint, and why not.
func (one *Endpoint) judge(service *mesh.Service, e *mesh.Endpoint, client mesh.Client, routes reach) {
	found, serves := routes.to(service, e, client.Kind.Family())
	for _, port := range service.PortsFor(client.Kind.Family()) {
		if number, ok := e.Port(port.Name); ok {
			one.Security = cmp.Or(one.Security, e.Security(client.Kind.Family(), number).String())
		}
	}
	one.Used = found.called
	why := ""
	switch {
	case e.Health == mesh.NotReady:
		why = "not ready, by its EndpointSlice: a readiness probe fails, or has not succeeded yet"
	case e.Health == mesh.Draining && one.Used:
		why = "terminating: it is called because no endpoint is ready"
	case e.Health == mesh.Draining:
		why = "terminating: it is called only while no endpoint is ready"
	case found.called && found.priority > 0:
		why = fmt.Sprintf("priority %d: it is called only while too few endpoints of a lower number are reachable", found.priority)
	case found.called:
	case !serves:
		why = fmt.Sprintf("it serves none of the ports that %s call", client.Kind.Family())
	case found.known:
		why = "the routes that lead there have the weight 0"
	default:
		why = one.whyLeftOut(service, e, client)
	}
	if why != "" {
		one.Why = append(one.Why, why)
	}
}

// to returns how routes lead to an endpoint, and whether it serves a port that clients of the family call.
func (r reach) to(service *mesh.Service, e *mesh.Endpoint, family mesh.Family) (found reached, serves bool) {
	for _, port := range service.PortsFor(family) {
		number, ok := e.Port(port.Name)
		serves = serves || ok
		for _, address := range []string{e.Address, e.Additional} {
			if one, ok := r[net.JoinHostPort(address, strconv.FormatUint(uint64(number), 10))]; ok && !found.called {
				found = one
			}
		}
	}
	return found, serves
}

// whyLeftOut says why a ready endpoint is in no cluster that routes lead to.
func (one *Endpoint) whyLeftOut(service *mesh.Service, e *mesh.Endpoint, client mesh.Client) string {
	switch {
	case one.Security == mesh.ServerClosed.String():
		return "closed: PeerAuthentication STRICT applies, and the pod has no certificate, or its server is not configured by xDS"
	case one.Security == mesh.ServerMTLS.String() && !client.HasCertificate():
		return "it takes only mTLS, and the client has no certificate"
	case service.InternalTrafficPolicyLocal && client.Node == "":
		return fmt.Sprintf("internalTrafficPolicy: Local: only clients on node %q call it, and the node of the client is not given", e.Topology.Node())
	case service.InternalTrafficPolicyLocal && client.Node != e.Topology.Node():
		return fmt.Sprintf("internalTrafficPolicy: Local: it is on node %q, and the client is on %q", e.Topology.Node(), client.Node)
	case len(one.Subsets) > 0:
		return fmt.Sprintf("no route of this client leads to the subsets that select it (%s), or they have the weight 0", strings.Join(one.Subsets, ", "))
	}
	return "no route of this client leads to it: no subset that routes lead to selects it, or it is left out because of its locality, or because clients get only some of the endpoints"
}
