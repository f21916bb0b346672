package object

import (
	"time"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The stored forms of the values in object.go. They have separate types so that a change of a value does not change
// the format by accident. TestStoredObjects finds a field that is missing here.

func serviceField(o *storedObject) **mesh.Service { return &o.Service }

func serviceEntryField(o *storedObject) **ServiceEntry { return &o.ServiceEntry }

func workloadField(o *storedObject) **Workload { return &o.Workload }

// storeAsIs stores and loads a value whose own form in JSON is stored.
func storeAsIs[V any](v *V) (*V, error) { return v, nil }

// storedNode is how a Node is stored.
type storedNode struct {
	Region, Zone, SubZone string
	ProbeSources          string `json:",omitempty"`
}

func nodeField(o *storedObject) **storedNode { return &o.Node }

func storeNode(n *Node) (*storedNode, error) {
	l := n.Locality
	return &storedNode{Region: l.Region, Zone: l.Zone, SubZone: l.SubZone, ProbeSources: n.ProbeSources}, nil
}

func loadNode(n *storedNode) (*Node, error) {
	return &Node{
		Locality:     mesh.Locality{Region: Intern(n.Region), Zone: Intern(n.Zone), SubZone: Intern(n.SubZone)},
		ProbeSources: n.ProbeSources,
	}, nil
}

type storedNamespace struct {
	Labeled  int64 `json:"labeled,omitempty"`
	Identity int64 `json:"identity,omitempty"`
	// Unlabeled means that it does not have the label for injection. An older process stored only those with the label.
	Unlabeled   bool                              `json:"unlabeled,omitempty"`
	LoadReports mesh.AnnotationValue[mesh.Switch] `json:"loadReports,omitzero"`
	Rollout     mesh.RolloutPolicy                `json:"rollout,omitzero"`
	ClusterUID  string                            `json:"clusterUID,omitempty"`
}

func namespaceField(o *storedObject) **storedNamespace { return &o.OfNamespace }

func storeNamespace(n *Namespace) (*storedNamespace, error) {
	return &storedNamespace{n.Labeled, n.Identity, !n.Injected, n.LoadReports, n.Rollout, n.ClusterUID}, nil
}

func loadNamespace(s *storedNamespace) (*Namespace, error) {
	return &Namespace{!s.Unlabeled, s.Labeled, s.Identity, s.LoadReports, s.Rollout, s.ClusterUID}, nil
}

type storedPolicy struct {
	Created int64 `json:"created,omitempty"`
}

func policyField(o *storedObject) **storedPolicy { return &o.Policy }

func storePolicy(p *InjectionPolicy) (*storedPolicy, error) { return &storedPolicy{p.Created}, nil }

func loadPolicy(s *storedPolicy) (*InjectionPolicy, error) { return &InjectionPolicy{s.Created}, nil }

type storedPod struct {
	UID            string      `json:"uid,omitempty"`
	Labels         mesh.Labels `json:"labels,omitempty"`
	ServiceAccount string      `json:"serviceAccount,omitempty"`
	Node           string      `json:"node,omitempty"`
	Weight         uint32      `json:"weight,omitempty"`
	IPs            []string    `json:"ips,omitempty"`
	NotInjected    int64       `json:"notInjected,omitempty"`
	Ended          bool        `json:"ended,omitempty"`
	NoIdentity     int64       `json:"noIdentity,omitempty"`
	NotReady       bool        `json:"notReady,omitempty"`
}

func podField(o *storedObject) **storedPod { return &o.Pod }

func storePod(p *Pod) (*storedPod, error) {
	return &storedPod{UID: p.UID, Labels: p.Labels, ServiceAccount: p.ServiceAccount, Node: p.Node, Weight: p.Weight, IPs: p.IPs, NotInjected: p.NotInjected, NoIdentity: p.NoIdentity, Ended: p.Ended, NotReady: p.NotReady}, nil
}

func loadPod(s *storedPod) (*Pod, error) {
	return &Pod{
		UID: s.UID, Labels: mesh.Labels(Intern(string(s.Labels))), ServiceAccount: Intern(s.ServiceAccount), Node: Intern(s.Node),
		Weight: s.Weight, IPs: s.IPs, NotInjected: s.NotInjected, NoIdentity: s.NoIdentity, Ended: s.Ended, NotReady: s.NotReady,
	}, nil
}

type storedSlice struct {
	Service    string        `json:"service"`
	Imported   bool          `json:"imported,omitempty"`
	Mislabeled string        `json:"mislabeled,omitempty"`
	Groups     []storedGroup `json:"groups,omitempty"`
	Weight     uint32        `json:"weight,omitempty"`
	// Cluster and Network are the same for all addresses.
	Cluster string `json:"cluster,omitempty"`
	Network string `json:"network,omitempty"`
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

func storeSlice(s *Slice) (*storedSlice, error) {
	out := &storedSlice{Service: s.Service, Imported: s.Imported, Mislabeled: s.Mislabeled, Weight: s.Weight}
	for _, g := range s.Groups {
		group := storedGroup{Ports: g.Ports}
		for i := range g.Addresses {
			a := &g.Addresses[i]
			out.Cluster, out.Network = a.Topology.Cluster(), a.Topology.Network()
			group.Addresses = append(group.Addresses, storedAddress{
				IP: a.IP, Pod: a.Pod, UID: a.UID, Zone: a.Topology.Locality().Zone, Hostname: a.Hostname, Node: a.Topology.Node(), Hints: a.Topology.Hints(), Health: a.Health, IPv6: a.IPv6,
			})
		}
		out.Groups = append(out.Groups, group)
	}
	return out, nil
}

func loadSlice(s *storedSlice) (*Slice, error) {
	out := &Slice{Service: Intern(s.Service), Imported: s.Imported, Mislabeled: s.Mislabeled, Weight: s.Weight}
	for _, g := range s.Groups {
		group := Group{Ports: g.Ports, Addresses: make([]Address, 0, len(g.Addresses))}
		for i := range g.Addresses {
			a := &g.Addresses[i]
			group.Addresses = append(group.Addresses, Address{
				IP: a.IP, Pod: a.Pod, UID: a.UID, Hostname: a.Hostname,
				Topology: mesh.MakeTopology(a.Node, mesh.Locality{Zone: a.Zone}, a.Hints...).In(s.Cluster, s.Network), Health: a.Health, IPv6: a.IPv6,
			})
		}
		out.Groups = append(out.Groups, group)
	}
	return out, nil
}

// storedRule is what VirtualServices and DestinationRules have in common. Spec is the encoded message.
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

	Hosts    []storedHost       `json:"hosts,omitempty"`
	Gateways bool               `json:"gateways,omitempty"`
	Rollout  mesh.RolloutPolicy `json:"rollout,omitzero"`
}

func virtualServiceField(o *storedObject) **storedVirtualService { return &o.VirtualService }

func storeVirtualService(v *VirtualService) (*storedVirtualService, error) {
	spec, err := proto.Marshal(v.Spec)
	out := &storedVirtualService{storedRule: storedRule{Spec: spec, Export: v.Export, Created: v.Created}, Gateways: v.Gateways, Rollout: v.Rollout}
	for _, h := range v.Hosts {
		out.Hosts = append(out.Hosts, storedHost(h))
	}
	return out, err
}

func loadVirtualService(s *storedVirtualService) (*VirtualService, error) {
	out := &VirtualService{Spec: &networking.VirtualService{}, Export: s.Export, Created: s.Created, Gateways: s.Gateways, Rollout: s.Rollout}
	for _, h := range s.Hosts {
		out.Hosts = append(out.Hosts, DeclaredHost(h))
	}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}

type storedDestinationRule struct {
	storedRule

	Host       storedHost              `json:"host"`
	Extensions mesh.AnnotationSettings `json:"extensions"`
}

func destinationRuleField(o *storedObject) **storedDestinationRule { return &o.DestinationRule }

func storeDestinationRule(d *DestinationRule) (*storedDestinationRule, error) {
	spec, err := proto.Marshal(d.Spec)
	return &storedDestinationRule{
		storedRule: storedRule{Spec: spec, Export: d.Export, Created: d.Created},
		Host:       storedHost{d.Host.Name, d.Host.Field}, Extensions: d.Annotations,
	}, err
}

func loadDestinationRule(s *storedDestinationRule) (*DestinationRule, error) {
	out := &DestinationRule{
		Spec: &networking.DestinationRule{}, Host: DeclaredHost{s.Host.Name, s.Host.Field}, Export: s.Export, Created: s.Created,
		Annotations: s.Extensions,
	}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}
