package mesh

import (
	"net/netip"
	"strings"
)

// Service is a Kubernetes Service that gRPC clients may call.
type Service struct {
	Ref  Ref
	Host string
	// Ports are the TCP ports, in the order of the object.
	Ports []Port
	// Headless Services (clusterIP: None) are served like the others: gRPC balances over the endpoints itself.
	Headless bool
	// Addresses are the cluster IPs.
	Addresses []string
	// ExternalName is a DNS name. If it is set, clients resolve it themselves and get no endpoints.
	ExternalName string
	// PreferIPv6 is set if the IPv6 address of a dual-stack endpoint is the primary one.
	PreferIPv6 bool
	// TrafficDistribution is the preference for endpoints near the client.
	TrafficDistribution TrafficDistribution
	// InternalTrafficPolicyLocal restricts clients to the endpoints on their own node.
	InternalTrafficPolicyLocal bool
	// Export restricts the namespaces whose clients can see the Service. It is nil if all can.
	Export *Export `json:",omitempty"`
	// Annotations apply to clients whose DestinationRules do not set the same.
	Annotations AnnotationSettings `json:"Extensions"`
}

// VisibleTo reports whether clients of a namespace can see the Service.
func (s *Service) VisibleTo(namespace string) bool {
	return s.Export == nil || s.Export.VisibleTo(s.Ref.Namespace, namespace)
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
	// TCP is set if the Service declares the protocol of the port as plain TCP, by appProtocol or by the port's
	// name. HTTP is set if it declares HTTP or gRPC. Every port is served; the rules that apply to it differ.
	TCP, HTTP bool
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

// DefaultPort returns the port for a client that names no port: the only port, or the only port whose name starts
// with grpc.
func (s *Service) DefaultPort() (Port, bool) {
	if len(s.Ports) == 1 {
		return s.Ports[0], true
	}
	var found []Port
	for _, p := range s.Ports {
		if strings.HasPrefix(p.Name, "grpc") {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return Port{}, false
	}
	return found[0], true
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
