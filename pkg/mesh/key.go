package mesh

import (
	"cmp"
	"strings"
)

// Key names a part of the World that changes as a whole: changes are told by Keys, and whoever depends on a part of the World says so by
// its Key. It is comparable.
type Key struct {
	Scope Scope
	// Name is a host, a namespace, or a workload (WorkloadKey); empty for the whole mesh.
	Name string
}

// Scope says what a Key names.
type Scope uint8

// The scopes. Services, endpoints, routes and policies are kept by host. What is written for servers is kept by the namespace that it is
// written in, by workload, or for the mesh.
const (
	ScopeHost Scope = iota
	ScopeNamespace
	ScopeWorkload
	ScopeMesh
)

// HostKey is the Key of a host, a wildcard or a cluster IP.
func HostKey(host string) Key { return Key{ScopeHost, host} }

// NamespaceKey is the Key of what is written for all workloads of a namespace.
func NamespaceKey(namespace string) Key { return Key{ScopeNamespace, namespace} }

// WorkloadKey is the Key of the pods of a namespace that have these labels.
func WorkloadKey(namespace string, labels Labels) Key {
	return Key{ScopeWorkload, namespace + "/" + string(labels)}
}

// WholeMesh is the Key of what is written for the whole mesh.
func WholeMesh() Key { return Key{Scope: ScopeMesh} }

// HostKeys are the Keys of hosts, in their order.
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

// String is the scope and the name.
func (k Key) String() string {
	return strings.TrimSpace([...]string{"host", "namespace", "workload", "mesh"}[k.Scope] + " " + k.Name)
}
