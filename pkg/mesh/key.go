package mesh

import (
	"cmp"
	"strings"
)

// Key names a part of the World that changes as a whole. A World lists the Keys that changed. Code that depends on
// a part of the World states its Key. It is comparable.
type Key struct {
	Scope Scope
	// Name is a host, a namespace, or a Kubernetes node; empty for the whole mesh, and for the clients of all namespaces.
	Name string
}

// Scope is what a Key names.
type Scope uint8

// The scopes. Services, endpoints, VirtualServices and DestinationRules are found by host. Objects that configure
// servers are found by namespace, or apply to the whole mesh. A server's probes come from its Kubernetes node. What clients see
// changes for all of their names together, so no name has a Key of ScopeClients: a change of that is found by the client.
const (
	ScopeHost Scope = iota
	ScopeNamespace
	ScopeNode
	ScopeMesh
	ScopeClients
)

// HostKey returns the Key of a host, a wildcard or a cluster IP.
func HostKey(host string) Key { return Key{ScopeHost, host} }

// NamespaceKey returns the Key of the objects that apply to all workloads of a namespace.
func NamespaceKey(namespace string) Key { return Key{ScopeNamespace, namespace} }

// NodeKey returns the Key of a Kubernetes node.
func NodeKey(node string) Key { return Key{ScopeNode, node} }

// WholeMesh returns the Key of the objects that apply to the whole mesh.
func WholeMesh() Key { return Key{Scope: ScopeMesh} }

// ClientsKey returns the Key of what clients of a namespace see; of what all clients do if it is empty.
func ClientsKey(namespace string) Key { return Key{ScopeClients, namespace} }

// HostKeys returns the Keys of hosts, in the order of hosts.
func HostKeys(hosts []string) []Key {
	keys := make([]Key, len(hosts))
	for i, host := range hosts {
		keys[i] = HostKey(host)
	}
	return keys
}

// Compare orders Keys by scope and name.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Scope, o.Scope), cmp.Compare(k.Name, o.Name))
}

// String returns the scope and the name, such as "host cart.shop.svc.cluster.local".
func (k Key) String() string {
	return strings.TrimSpace([...]string{"host", "namespace", "node", "mesh", "clients"}[k.Scope] + " " + k.Name)
}
