package mesh

// Pod has the parts of a pod that identify a client. It is immutable.
type Pod struct {
	Ref Ref
	// UID distinguishes the pod from an earlier pod with the same name.
	UID            string
	ServiceAccount string
	Node           string
	Labels         Labels
	// Locality is the locality of the pod's node.
	Locality Locality
	// Addresses are the pod's IPs. It is empty for a pod in the host network.
	Addresses []string
	// NoBootstrap means that the injection policy did not change the pod, and that its containers bring no bootstrap.
	NoBootstrap bool
}

// PodKey returns the key of a pod in World.Pods.
func PodKey(namespace, name string) string { return namespace + "/" + name }
