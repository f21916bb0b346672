package watch

import (
	"time"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The values of object.go as they are stored. They have types of their own so that a change of those is not one of the form by
// accident; TestStoredObjects finds a field that is forgotten here.

func serviceField(o *storedObject) **mesh.Service { return &o.Service }

func storeService(s *mesh.Service) (*mesh.Service, error) { return s, nil }

func loadService(s *mesh.Service) (*mesh.Service, error) { return s, nil }

func nodeField(o *storedObject) **mesh.Locality { return &o.Node }

func storeNode(n *node) (*mesh.Locality, error) { return &n.locality, nil }

func loadNode(l *mesh.Locality) (*node, error) {
	return &node{locality: mesh.Locality{Region: intern(l.Region), Zone: intern(l.Zone), SubZone: intern(l.SubZone)}}, nil
}

type storedPod struct {
	UID            string      `json:"uid,omitempty"`
	Labels         mesh.Labels `json:"labels,omitempty"`
	ServiceAccount string      `json:"serviceAccount,omitempty"`
	Node           string      `json:"node,omitempty"`
	Weight         uint32      `json:"weight,omitempty"`
	IPs            []string    `json:"ips,omitempty"`
}

func podField(o *storedObject) **storedPod { return &o.Pod }

func storePod(p *pod) (*storedPod, error) {
	return &storedPod{UID: p.uid, Labels: p.labels, ServiceAccount: p.serviceAccount, Node: p.node, Weight: p.weight, IPs: p.ips}, nil
}

func loadPod(s *storedPod) (*pod, error) {
	return &pod{
		uid: s.UID, labels: mesh.Labels(intern(string(s.Labels))), serviceAccount: intern(s.ServiceAccount), node: intern(s.Node),
		weight: s.Weight, ips: s.IPs,
	}, nil
}

type storedSlice struct {
	Service string        `json:"service"`
	Groups  []storedGroup `json:"groups,omitempty"`
	Weight  uint32        `json:"weight,omitempty"`
}

type storedGroup struct {
	Ports     []mesh.Port     `json:"ports,omitempty"`
	Addresses []storedAddress `json:"addresses,omitempty"`
}

type storedAddress struct {
	IP       string      `json:"ip"`
	Pod      string      `json:"pod,omitempty"`
	UID      string      `json:"uid,omitempty"`
	Zone     string      `json:"zone,omitempty"`
	Hostname string      `json:"hostname,omitempty"`
	Node     string      `json:"node,omitempty"`
	Hints    []string    `json:"hints,omitempty"`
	Health   mesh.Health `json:"health,omitempty"`
	IPv6     bool        `json:"ipv6,omitempty"`
}

func sliceField(o *storedObject) **storedSlice { return &o.Slice }

func storeSlice(s *slice) (*storedSlice, error) {
	out := &storedSlice{Service: s.service, Weight: s.weight}
	for _, g := range s.groups {
		group := storedGroup{Ports: g.ports}
		for i := range g.addresses {
			a := &g.addresses[i]
			group.Addresses = append(group.Addresses, storedAddress{
				IP: a.ip, Pod: a.pod, UID: a.uid, Zone: a.spot.Locality().Zone, Hostname: a.hostname, Node: a.spot.Node(), Hints: a.spot.Hints(), Health: a.health, IPv6: a.ipv6,
			})
		}
		out.Groups = append(out.Groups, group)
	}
	return out, nil
}

func loadSlice(s *storedSlice) (*slice, error) {
	out := &slice{service: intern(s.Service), weight: s.Weight}
	for _, g := range s.Groups {
		group := group{ports: g.Ports, addresses: make([]address, 0, len(g.Addresses))}
		for i := range g.Addresses {
			a := &g.Addresses[i]
			group.addresses = append(group.addresses, address{
				ip: a.IP, pod: a.Pod, uid: a.UID, hostname: a.Hostname,
				spot: mesh.MakeSpot(a.Node, mesh.Locality{Zone: a.Zone}, a.Hints...), health: a.Health, ipv6: a.IPv6,
			})
		}
		out.groups = append(out.groups, group)
	}
	return out, nil
}

// storedRule is what a VirtualService and a DestinationRule have in common. Spec is the message's own bytes, which lose nothing.
type storedRule struct {
	Spec    []byte      `json:"spec"`
	Export  mesh.Export `json:"export"`
	Created time.Time   `json:"created"`
}

type storedHost struct {
	Name  string `json:"name"`
	Field string `json:"field"`
}

type storedVirtualService struct {
	storedRule

	Hosts    []storedHost `json:"hosts,omitempty"`
	Gateways bool         `json:"gateways,omitempty"`
}

func virtualServiceField(o *storedObject) **storedVirtualService { return &o.VirtualService }

func storeVirtualService(v *virtualService) (*storedVirtualService, error) {
	spec, err := proto.Marshal(v.spec)
	out := &storedVirtualService{storedRule: storedRule{Spec: spec, Export: v.export, Created: v.created}, Gateways: v.gateways}
	for _, h := range v.hosts {
		out.Hosts = append(out.Hosts, storedHost{h.name, h.field})
	}
	return out, err
}

func loadVirtualService(s *storedVirtualService) (*virtualService, error) {
	out := &virtualService{spec: &networking.VirtualService{}, export: s.Export, created: s.Created, gateways: s.Gateways}
	for _, h := range s.Hosts {
		out.hosts = append(out.hosts, declaredHost{h.Name, h.Field})
	}
	return out, proto.Unmarshal(s.Spec, out.spec)
}

type storedDestinationRule struct {
	storedRule

	Host       storedHost      `json:"host"`
	Extensions mesh.Extensions `json:"extensions"`
}

func destinationRuleField(o *storedObject) **storedDestinationRule { return &o.DestinationRule }

func storeDestinationRule(d *destinationRule) (*storedDestinationRule, error) {
	spec, err := proto.Marshal(d.spec)
	return &storedDestinationRule{
		storedRule: storedRule{Spec: spec, Export: d.export, Created: d.created},
		Host:       storedHost{d.host.name, d.host.field}, Extensions: d.extensions,
	}, err
}

func loadDestinationRule(s *storedDestinationRule) (*destinationRule, error) {
	out := &destinationRule{
		spec: &networking.DestinationRule{}, host: declaredHost{s.Host.Name, s.Host.Field}, export: s.Export, created: s.Created,
		extensions: s.Extensions,
	}
	return out, proto.Unmarshal(s.Spec, out.spec)
}
