package mesh

import (
	"cmp"
	"slices"
)

// Security returns how a port of the endpoint takes the calls of clients of a family. The port is a number in e.Ports. HTTP
// clients call other servers of the pod than its gRPC servers, which xDS does not configure.
func (e *Endpoint) Security(family Family, port uint32) ServerSecurity {
	var mode PeerMode
	if e.Peer != nil {
		mode, _ = e.Peer.Mode(port)
	}
	return SecurityFor(e.Labels.HasIdentity(), family == FamilyGRPC && e.Labels.ServesByXDS(), mode)
}

// EndpointGroups are the endpoints of a host, grouped by what decides how clients call them. It is immutable.
//
// If all endpoints have the same ServerSecurity on every port, the numbers do not matter: then each group has one
// ready endpoint, so that starting or stopping a pod changes nothing.
type EndpointGroups struct {
	Host string
	// Groups are sorted. No two are of the same kind.
	Groups []EndpointGroup
}

// EndpointGroup is a number of endpoints of the same kind.
type EndpointGroup struct {
	Labels         Labels
	ServiceAccount string
	// Locality is where they run, because subsets may select endpoints by it.
	Locality Locality
	// Cluster and Network are theirs, for the same reason.
	Cluster, Network string
	// Node is the Kubernetes node where they run. It is empty if clients on all nodes can call them.
	Node string
	// Peer is nil if no PeerAuthentication applies.
	Peer  *PeerModes
	Ports []Port
	// Ready and Draining are how many there are in that condition. Both are 0 if none can be called.
	Ready, Draining uint32
}

// Security returns how a port of the endpoints takes the calls of clients of a family; see Endpoint.Security.
func (g *EndpointGroup) Security(family Family, port uint32) ServerSecurity {
	return g.endpoint().Security(family, port)
}

// Port returns the number of the port on which the endpoints serve the Service port with the name.
func (g *EndpointGroup) Port(name string) (uint32, bool) { return g.endpoint().Port(name) }

// IsPod reports whether the endpoints are known pods: every pod has a service account or labels.
func (g *EndpointGroup) IsPod() bool { return g.ServiceAccount != "" || g.Labels != "" }

// Match reports whether the endpoints have every label of selector, like Endpoint.Match. The name of a node is not known.
func (g *EndpointGroup) Match(selector map[string]string) bool { return g.endpoint().Match(selector) }

func (g *EndpointGroup) endpoint() *Endpoint {
	return &Endpoint{Labels: g.Labels, ServiceAccount: g.ServiceAccount, Topology: MakeTopology("", g.Locality).In(g.Cluster, g.Network), Peer: g.Peer, Ports: g.Ports}
}

// From returns the clients' node, as far as the numbers of endpoints depend on it: "" if they do not, and OtherNode for all
// nodes without endpoints. g may be nil.
func (g *EndpointGroups) From(node string) string {
	if g == nil || g.Groups[0].Node == "" || node == "" {
		return ""
	}
	if slices.ContainsFunc(g.Groups, func(g EndpointGroup) bool { return g.Node == node }) {
		return node
	}
	return OtherNode
}

// OtherNode is the node of clients on whose node no endpoint runs. It is no name of a node.
const OtherNode = "\x01"

// CalledFrom returns how many endpoints clients on the node can call. node is as EndpointGroups.From returns it.
func (g *EndpointGroup) CalledFrom(node string) (ready, draining uint64) {
	if g.Node != "" && node != "" && g.Node != node {
		return 0, 0
	}
	return uint64(g.Ready), uint64(g.Draining)
}

// Groups returns the groups of the endpoints. It is nil if clients can call all of them in plaintext. s may be nil. local
// is set if clients can call only the endpoints of their own node.
func (s *EndpointSet) Groups(local bool) *EndpointGroups {
	if s == nil || !slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool { return e.most() != ServerPlaintext }) {
		return nil
	}
	groups := make([]EndpointGroup, len(s.Endpoints))
	uniform, first := true, s.Endpoints[0].most()
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		uniform = uniform && e.least() == first && e.most() == first
		groups[i] = e.group()
	}
	if local && !uniform {
		for i := range groups {
			groups[i].Node = cmp.Or(s.Endpoints[i].Topology.Node(), unknownNode)
		}
	}
	slices.SortFunc(groups, compareGroups)
	all := groups[:1]
	for _, g := range groups[1:] {
		last := &all[len(all)-1]
		if compareGroups(*last, g) != 0 {
			all = append(all, g)
			continue
		}
		last.Ready, last.Draining = last.Ready+g.Ready, last.Draining+g.Draining
	}
	if uniform {
		for i := range all {
			all[i].Ready, all[i].Draining = 1, 0
		}
	}
	return &EndpointGroups{Host: s.Host, Groups: slices.Clip(all)}
}

// group returns the group of the endpoint alone.
func (e *Endpoint) group() EndpointGroup {
	g := EndpointGroup{
		Labels: e.Labels, ServiceAccount: e.ServiceAccount, Locality: e.Topology.Locality(), Cluster: e.Topology.Cluster(), Network: e.Topology.Network(),
		Peer: e.Peer, Ports: e.Ports,
	}
	switch e.Health {
	case Ready:
		g.Ready = 1
	case Draining:
		g.Draining = 1
	case NotReady:
	}
	return g
}

// unknownNode is the node of endpoints that do not say where they run. No client can call them if only clients of their node can.
const unknownNode = "\x02"

// most returns the greatest ServerSecurity of the ports, and least the least.
func (e *Endpoint) most() ServerSecurity {
	return e.extreme(func(a, b ServerSecurity) bool { return a > b })
}

func (e *Endpoint) least() ServerSecurity {
	return e.extreme(func(a, b ServerSecurity) bool { return a < b })
}

func (e *Endpoint) extreme(better func(a, b ServerSecurity) bool) ServerSecurity {
	var found ServerSecurity
	for i, p := range e.Ports {
		if s := e.Security(FamilyGRPC, p.Number); i == 0 || better(s, found) {
			found = s
		}
		if e.Peer == nil {
			break // It is the same for all ports.
		}
	}
	return found
}

// compareGroups orders by everything that tells kinds apart. Endpoints of one host with equal labels have equal Peers.
func compareGroups(a, b EndpointGroup) int {
	return cmp.Or(
		cmp.Compare(a.Labels, b.Labels), cmp.Compare(a.ServiceAccount, b.ServiceAccount), a.Locality.compare(b.Locality), cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Network, b.Network),
		slices.CompareFunc(a.Ports, b.Ports, func(p, q Port) int {
			return cmp.Or(cmp.Compare(p.Name, q.Name), cmp.Compare(p.Number, q.Number), cmp.Compare(p.Protocol, q.Protocol))
		}),
	)
}

func (l Locality) compare(o Locality) int {
	return cmp.Or(cmp.Compare(l.Region, o.Region), cmp.Compare(l.Zone, o.Zone), cmp.Compare(l.SubZone, o.SubZone))
}

// Equal reports whether both have the same content. Either may be nil.
func (g *EndpointGroups) Equal(o *EndpointGroups) bool {
	if g == nil || o == nil {
		return g == o
	}
	return g.Host == o.Host && slices.EqualFunc(g.Groups, o.Groups, func(a, b EndpointGroup) bool {
		return compareGroups(a, b) == 0 && samePeer(a.Peer, b.Peer) && a.Ready == b.Ready && a.Draining == b.Draining
	})
}

func samePeer(a, b *PeerModes) bool { return a == b || a != nil && b != nil && *a == *b }
