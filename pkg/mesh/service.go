package mesh

import "strings"

// Service is a Kubernetes Service that gRPC clients may call.
type Service struct {
	Ref  Ref
	Host string
	// Ports are those of TCP, in the order of the object.
	Ports []Port
	// Headless Services (clusterIP: None) are served like the others: gRPC balances over the endpoints itself.
	Headless bool
	// Addresses are its cluster IPs.
	Addresses []string
	// ExternalName is the DNS name that clients resolve themselves, instead of endpoints; else empty.
	ExternalName string
	// PreferIPv6 says which address of a dual-stack endpoint is the primary one.
	PreferIPv6 bool
	// TrafficDistribution says which endpoints the Service prefers for a client.
	TrafficDistribution TrafficDistribution
	// InternalTrafficPolicyLocal says that clients may call the endpoints on their own node only.
	InternalTrafficPolicyLocal bool
	// Annotations hold for clients whose DestinationRules do not ask for something else.
	Annotations AnnotationSettings `json:"Extensions"`
}

// TrafficDistribution is a Service's wish for the endpoints close to a client. The others stand by.
type TrafficDistribution uint8

// The wishes.
const (
	// PreferNone: all endpoints are alike.
	PreferNone TrafficDistribution = iota
	// PreferSameZone: those of the client's zone, then of its region. Hints count as zones.
	PreferSameZone
	// PreferSameNode: those on the client's node, then as PreferSameZone.
	PreferSameNode
	// PreferHinted: those with a hint for the client's zone, if every endpoint has one.
	PreferHinted
)

// Port is one port of a Service.
type Port struct {
	// Name is empty when the Service has a single unnamed port. Endpoints are found by this name.
	Name   string
	Number uint32
	// TCP says that the Service declares the port to carry TCP of no further kind, by its appProtocol or else its name. It is served
	// like any other.
	TCP bool
}

// Namespace is the Service's namespace.
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

// DefaultPort is the port meant when a client names none: the only one, or else the only one named grpc or grpc-*.
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

// EndpointSet is all that stands behind one Service: its EndpointSlices (or, without any, its Endpoints object),
// joined with what Pods and Nodes say. It is sorted and holds no address and port twice.
type EndpointSet struct {
	Host      string
	Endpoints []Endpoint
}

// Endpoint is one pod, or one address without a pod.
type Endpoint struct {
	// Address is an IP literal.
	Address string
	// Additional is the address of the other family, if the pod has one; else empty.
	Additional string
	// Ports is shared by the endpoints of one slice.
	Ports    []Port
	Labels   Labels
	Topology Topology
	// Hostname is the pod's own name in the Service's domain, such as web-0 of a StatefulSet; empty if it has none.
	Hostname string
	// ServiceAccount of the pod; empty without a pod.
	ServiceAccount string
	// Weight is how many calls the endpoint gets compared with others; 0 is the same as 1.
	Weight uint32
	Health Health
}

// EffectiveWeight is the endpoint's weight, which is never 0.
func (e *Endpoint) EffectiveWeight() uint32 { return max(e.Weight, 1) }

// Port returns the number the endpoint listens on for the Service port of that name.
func (e *Endpoint) Port(name string) (uint32, bool) {
	for _, p := range e.Ports {
		if p.Name == name {
			return p.Number, true
		}
	}
	return 0, false
}

// Health is what the EndpointSlice says of an endpoint.
type Health uint8

const (
	// Ready takes traffic.
	Ready Health = iota
	// Draining terminates but still serves. It takes traffic only when nobody is Ready.
	Draining
	// NotReady takes no traffic.
	NotReady
)

// Locality is where an endpoint or a client runs. Any part may be empty.
type Locality struct {
	Region, Zone, SubZone string
}
