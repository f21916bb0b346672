package mesh

// Pod has the parts of a pod, or of a WorkloadEntry, that identify a client. It is immutable.
type Pod struct {
	Ref Ref
	// UID distinguishes the pod from an earlier pod with the same name.
	UID            string
	ServiceAccount string
	// Node is the name of the pod's node, as InCluster makes it.
	Node   string
	Labels Labels
	// Locality is the locality of the pod's node.
	Locality Locality
	// Addresses are the pod's IPs. It is empty for a pod in the host network.
	Addresses []string
	// NoBootstrap means that the injection policy did not change the pod, and that its containers bring no bootstrap.
	NoBootstrap bool
	// Ended means that the pod has finished or is being deleted. It may still call and serve, but nothing that an author
	// changes reaches it: it does not count where workloads are judged.
	Ended bool
}

// PodKey returns the key of a pod in World.Pods. cluster is the remote cluster that has the pod; empty if none has.
func PodKey(cluster, namespace, name string) string { return InCluster(namespace+"/"+name, cluster) }

// WorkloadKey returns the key of a WorkloadEntry in World.Workloads.
func WorkloadKey(namespace, account, ip string) string { return namespace + "/" + account + "/" + ip }
