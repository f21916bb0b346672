package load

import (
	"iter"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// UnprovedWorkload is the workload of clients that prove nothing.
const UnprovedWorkload = "unproved"

// SourceOf returns the workload of a client. pod may be nil: then the service account, if it is proved, stands for the
// workload.
func SourceOf(pod *mesh.Pod, namespace, account string, proved bool) Source {
	switch {
	case pod != nil:
		workload := WorkloadOf(pod)
		return Source{Namespace: pod.Ref.Namespace, Workload: workload, Unproved: workload == UnprovedWorkload} // Metrics have only the name.
	case proved && account != "":
		return Source{Namespace: namespace, Workload: account, Unproved: account == UnprovedWorkload}
	}
	return Source{Namespace: namespace, Workload: UnprovedWorkload, Unproved: true}
}

// SourceOfIdentity is SourceOf for a client with an identity as serving.ClientInfo has it.
func SourceOfIdentity(world *mesh.World, identity, namespace, account string) Source {
	var pod *mesh.Pod
	kind, name, _ := strings.Cut(identity, "/")
	if kind == "pod" || kind == "workloadentry" {
		name, cluster, _ := strings.Cut(name, "@")
		of, name, _ := strings.Cut(name, "/")
		if pod, _ = world.PodByName(cluster, of, name); pod == nil {
			pod = &mesh.Pod{Ref: mesh.Ref{Namespace: of, Name: name}}
		}
	}
	return SourceOf(pod, namespace, account, identity != "")
}

// podNameSuffix is the length of the random part that controllers append to the names of pods.
const podNameSuffix = 5

// WorkloadOf returns the name of what created a pod, by its labels and the form of its name. It is the pod's own name if
// these do not say more.
func WorkloadOf(pod *mesh.Pod) string {
	name := pod.Ref.Name
	if job, ok := pod.Labels.Get("batch.kubernetes.io/job-name"); ok && job != "" {
		return job
	}
	// A Deployment's ReplicaSet, or that of an Argo Rollout: NAME-HASH-xxxxx.
	for _, label := range []string{"pod-template-hash", "rollouts-pod-template-hash"} {
		hash, ok := pod.Labels.Get(label)
		if before, _, found := cutLast(name, "-"+hash+"-"); ok && hash != "" && found && before != "" {
			return before
		}
	}
	before, suffix, found := cutLast(name, "-")
	if !found || before == "" {
		return name
	}
	// A StatefulSet: NAME-0. A DaemonSet: NAME-xxxxx.
	if own, ok := pod.Labels.Get("statefulset.kubernetes.io/pod-name"); ok && own == name {
		return before
	}
	if _, ok := pod.Labels.Get("controller-revision-hash"); ok && len(suffix) == podNameSuffix {
		return before
	}
	return name
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// OneWorkload returns the workload to which all pods belong; empty if they belong to several, if there are no pods, or if one is nil.
func OneWorkload(pods iter.Seq[*mesh.Pod]) string {
	found := ""
	for pod := range pods {
		if pod == nil {
			return ""
		}
		switch workload := WorkloadOf(pod); found {
		case "", workload:
			found = workload
		default:
			return ""
		}
	}
	return found
}
