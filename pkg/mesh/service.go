package mesh

import (
	"cmp"
	"net/netip"
	"strings"
)

// Service is a host that gRPC clients may call: a Kubernetes Service, or a host of a ServiceEntry.
type Service struct {
	Ref  Ref
	Host string
	// Ports are the TCP ports, in the order of the object.
	Ports []Port
	// Headless Services (clusterIP: None) are served like the others: gRPC balances over the endpoints itself.
	Headless bool
	// Addresses are the cluster IPs.
	Addresses []string
	// Resolve is how the names of servers become addresses. DNSName is the name that clients resolve themselves, with
	// ResolveClient; it is empty for a wildcard, below which each client resolves the name that it dials.
	Resolve Resolution `json:",omitempty"`
	DNSName string     `json:",omitempty"`
	// ServerName is the host as its author wrote it; empty if that is Host. Servers have certificates for it.
	ServerName string `json:",omitempty"`
	// SubjectAltNames are the names of which the certificate of a server must have one; nil if the object states none.
	SubjectAltNames []string `json:",omitempty"`
	// External means that the servers are not part of the mesh. They have none of its certificates.
	External bool `json:",omitempty"`
	// PreferIPv6 is set if the IPv6 address of a dual-stack endpoint is the primary one.
	PreferIPv6 bool
	// TrafficDistribution is the preference for endpoints near the client.
	TrafficDistribution TrafficDistribution
	// InternalTrafficPolicyLocal restricts clients to the endpoints on their own node.
	InternalTrafficPolicyLocal bool
	// ClusterLocal means that the Service is for the clients of its cluster alone, and that the endpoints of other clusters are
	// not joined; see HostInCluster.
	ClusterLocal bool
	// Export restricts the namespaces whose clients can see the Service. It is nil if all can.
	Export *Export `json:",omitempty"`
	// Selector has the labels of the pods behind the Service; empty if it selects none.
	Selector Labels `json:",omitempty"`
	// Others are the other namespaces that declare the host, the oldest declaration first; see HostIn.
	Others []string `json:",omitempty"`
	// Annotations apply to clients whose DestinationRules do not set the same.
	Annotations AnnotationSettings `json:"Extensions"`
	// Pin holds the rules for the host.
	Pin Pin `json:",omitzero"`
}

// Resolution is how the names of servers become addresses.
type Resolution uint8

// The resolutions.
const (
	// ResolveNone: there are no names, only addresses.
	ResolveNone Resolution = iota
	// ResolveClient: clients resolve a name, and get no endpoints.
	ResolveClient
	// ResolveServer: the control plane resolves the names of endpoints.
	ResolveServer
)

// ResolvedByClients reports whether clients find the servers themselves, and get no endpoints.
func (s *Service) ResolvedByClients() bool { return s.Resolve == ResolveClient }

// IsExternalName reports whether the Service is of type ExternalName.
func (s *Service) IsExternalName() bool { return s.ResolvedByClients() && s.Ref.Kind == "Service" }

// VisibleTo reports whether clients of a namespace can see the Service.
func (s *Service) VisibleTo(namespace string) bool {
	return s.Export == nil || s.Export.VisibleTo(s.Ref.Namespace, namespace)
}

// SeenBy reports whether the client sees the Service: it is exported to the client's namespace, is not of another cluster alone,
// and the client's Sidecar does not leave it out.
func (s *Service) SeenBy(client Client) bool {
	return s.SeenAs(s.Host, client)
}

// SeenAs reports whether the client sees the Service under a host: its own, or a name below it if that is a wildcard.
func (s *Service) SeenAs(host string, client Client) bool {
	return s.VisibleTo(client.Namespace) && (!s.ClusterLocal || s.Ref.Cluster == client.Cluster) && client.Sidecar.Sees(client.Namespace, s.Ref.Namespace, host)
}

// TrafficDistribution is a Service's preference for endpoints near the client. Clients call the other endpoints
// only if no preferred one is available.
type TrafficDistribution uint8

// The preferences.
const (
	// PreferNone: all endpoints are equal.
	PreferNone TrafficDistribution = iota
	// PreferSameZone: endpoints in the client's zone, then in its region. A hint is treated as the endpoint's zone.
	PreferSameZone
	// PreferSameNode: endpoints on the client's node, then as PreferSameZone.
	PreferSameNode
	// PreferHinted: endpoints with a hint for the client's zone, if every endpoint has a hint.
	PreferHinted
)

// Port is one port of a Service.
type Port struct {
	// Name is empty if the Service has a single unnamed port. Endpoints refer to the port by this name.
	Name   string
	Number uint32
	// Target is the servers' port, if the Service states another number than its own. NamedTarget is set if it states a name,
	// which each pod resolves. Both are for Services without endpoints: in endpoints Number is the pod's port.
	Target      uint16 `json:",omitempty"`
	NamedTarget bool   `json:",omitempty"`
	// Protocol is what the Service declares, by appProtocol or by the port's name up to a dash, in lower case; empty if
	// the text is not a known protocol. Every port is served; the rules that apply to it differ.
	Protocol Protocol `json:",omitempty"`
}

// Protocol is the protocol of a port, as Istio names it.
type Protocol string

// The protocols. Others are treated as if none were declared.
const (
	ProtocolTCP     Protocol = "tcp"
	ProtocolHTTP    Protocol = "http"
	ProtocolHTTP2   Protocol = "http2"
	ProtocolHTTPS   Protocol = "https"
	ProtocolGRPC    Protocol = "grpc"
	ProtocolGRPCWeb Protocol = "grpc-web"
)

// IsHTTP reports whether the protocol carries HTTP without TLS; gRPC does.
func (p Protocol) IsHTTP() bool {
	return p == ProtocolHTTP || p == ProtocolHTTP2 || p == ProtocolGRPC || p == ProtocolGRPCWeb
}

// Takes reports whether clients of the family can call a port with the protocol. HTTP clients send HTTP/1.1, which servers
// of gRPC do not understand.
func (f Family) Takes(p Protocol) bool { return f != FamilyHTTP || p != ProtocolGRPC }

// Fold returns the spelling of a name by which clients of the family find it. The hosts of URIs have no case.
func (f Family) Fold(name string) string {
	if f == FamilyHTTP {
		return strings.ToLower(name)
	}
	return name
}

// ServerPort is the number of the port on which servers serve the calls to the port.
func (p Port) ServerPort() uint32 { return cmp.Or(uint32(p.Target), p.Number) }

// Below returns the Service of a name below the wildcard of s.
func (s *Service) Below(host string) *Service {
	out := *s
	out.Host, out.ServerName = host, ""
	if out.Resolve == ResolveClient && out.DNSName == "" {
		out.DNSName = host
	}
	return &out
}

// Namespace returns the Service's namespace.
func (s *Service) Namespace() string { return s.Ref.Namespace }

// Port finds a port by number.
func (s *Service) Port(number uint32) (Port, bool) {
	for _, p := range s.Ports {
		if p.Number == number {
			return p, true
		}
	}
	return Port{}, false
}

// PortNamed finds a port by name.
func (s *Service) PortNamed(name string) (Port, bool) {
	for _, p := range s.Ports {
		if name != "" && p.Name == name {
			return p, true
		}
	}
	return Port{}, false
}

// httpPort is the port of HTTP URIs that name none.
const httpPort = 80

// DefaultPort returns the port for a client of the family that names no port: the only port. If there are several, for
// a gRPC client the only port whose name starts with grpc, and for an HTTP client the only port that is declared as HTTP,
// or else port 80: the one beside a port for gRPC is often for metrics. There is none if clients of the family cannot call it.
// What calls through an Envoy knows no mesh, so that a call without a port means port 80 if there is one.
func (s *Service) DefaultPort(family Family) (Port, bool) {
	if port, ok := s.Port(httpPort); ok && family == FamilyEnvoy {
		return port, true
	}
	if len(s.Ports) == 1 {
		return s.Ports[0], family.Takes(s.Ports[0].Protocol)
	}
	means := func(p Port) bool { return strings.HasPrefix(p.Name, "grpc") }
	if family.IsHTTP() {
		means = func(p Port) bool { return p.Protocol == ProtocolHTTP }
	}
	found := s.portsWhere(means)
	switch {
	case len(found) == 1:
		return found[0], true
	case family.IsHTTP():
		port, ok := s.Port(httpPort)
		return port, ok && family.Takes(port.Protocol)
	}
	return Port{}, false
}

// PortsFor returns the ports that clients of the family can call.
func (s *Service) PortsFor(family Family) []Port {
	return s.portsWhere(func(p Port) bool { return family.Takes(p.Protocol) })
}

func (s *Service) portsWhere(is func(Port) bool) []Port {
	var found []Port
	for _, p := range s.Ports {
		if is(p) {
			found = append(found, p)
		}
	}
	return found
}

// EndpointSet has all endpoints of one Service. They come from its EndpointSlices or, if it has none, from its
// Endpoints object, and are joined with its pods and their nodes. They are sorted. No address and port occurs
// twice.
type EndpointSet struct {
	Host      string
	Endpoints []Endpoint
}

// Endpoint is one pod, or one address without a pod.
type Endpoint struct {
	// Address is an IP literal.
	Address string
	// Additional is the pod's address of the other IP family; empty if it does not have one.
	Additional string
	// Ports is shared by the endpoints of one slice.
	Ports    []Port
	Labels   Labels
	Topology Topology
	// Hostname is the pod's name in the Service's domain, such as web-0 in a StatefulSet; empty if it does not have
	// one.
	Hostname string
	// ServiceAccount is the pod's service account; empty without a pod.
	ServiceAccount string
	// Weight is the endpoint's share of the calls relative to other endpoints. 0 means 1.
	Weight uint32
	Health Health
	// Ended is Pod.Ended of the endpoint's pod. Translations do not read it: what gets calls is decided by Health.
	Ended bool
	// Peer are the PeerAuthentications in effect for the pod; nil if there are none. Equal ones share a pointer.
	Peer *PeerModes
}

// EffectiveWeight returns the endpoint's weight, at least 1.
func (e *Endpoint) EffectiveWeight() uint32 { return max(e.Weight, 1) }

// Port returns the number of the port on which the endpoint serves the Service port with the name.
func (e *Endpoint) Port(name string) (uint32, bool) {
	for _, p := range e.Ports {
		if p.Name == name {
			return p.Number, true
		}
	}
	return 0, false
}

// DNSName returns the name of the endpoint's pod in the Service's domain, as cluster DNS makes it: the hostname or, without
// one, the address with dashes, such as 10-0-0-1 or 2001-db8--1.
func (e *Endpoint) DNSName() string {
	if e.Hostname != "" {
		return e.Hostname
	}
	ip, err := netip.ParseAddr(e.Address)
	if err != nil {
		return ""
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(ip.String())
}

// Health is the condition of an endpoint in its EndpointSlice.
type Health uint8

const (
	// Ready endpoints get calls.
	Ready Health = iota
	// Draining endpoints are terminating and still serve. They get calls only if no endpoint is Ready.
	Draining
	// NotReady endpoints get no calls.
	NotReady
)

// Locality is where an endpoint or a client runs. Any part may be empty.
type Locality struct {
	Region, Zone, SubZone string
}
