package mesh

// Pod is a pod as far as it tells who a client is. It is immutable.
type Pod struct {
	Ref Ref
	// UID tells a pod from one of the same name before it.
	UID            string
	ServiceAccount string
	Node           string
	Labels         Labels
	// Locality is that of its node.
	Locality Locality
	// Addresses are its own. A pod on its node's network has none.
	Addresses []string
}

// PodKey is the key of a pod among the World's: its namespace and name.
func PodKey(namespace, name string) string { return namespace + "/" + name }
