package assemble

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// injectionIndex finds the pods that came without the bootstrap although their namespace has the label for it.
type injectionIndex struct {
	// namespaces are those with the label.
	namespaces map[string]*object.Namespace
	// policy is the policy that injects; nil if there is none, or if it may not be read.
	policy *object.InjectionPolicy
	// without has, for each of these namespaces, when each of its pods was created that the policy did not change and
	// would have changed.
	without map[string]map[string]int64
	// dirty are the namespaces to look at again, and labeled those whose pods are not in without yet.
	dirty, labeled map[string]struct{}
}

func newInjectionIndex() injectionIndex {
	return injectionIndex{namespaces: map[string]*object.Namespace{}, without: map[string]map[string]int64{}, dirty: map[string]struct{}{}, labeled: map[string]struct{}{}}
}

// putNamespace replaces a namespace with the label; nil removes it. A later write to the namespace may look like the
// one that set the label, so the earliest is kept.
func (x *injectionIndex) putNamespace(key object.Key, n *object.Namespace) {
	old := x.namespaces[key.Name]
	switch {
	case n == nil:
		delete(x.namespaces, key.Name)
		delete(x.without, key.Name)
		delete(x.labeled, key.Name)
	case old == nil:
		x.namespaces[key.Name] = n
		x.labeled[key.Name] = struct{}{}
	case n.Labeled < old.Labeled:
		x.namespaces[key.Name] = n
	}
	x.dirty[key.Name] = struct{}{}
}

func (x *injectionIndex) eachNamespace(visit func(object.Key, *object.Namespace)) {
	for name, n := range x.namespaces {
		visit(object.Key{Kind: object.KindNamespace, Name: name}, n)
	}
}

// putPolicy replaces the policy that injects; nil removes it. Other policies have no value.
func (x *injectionIndex) putPolicy(key object.Key, p *object.InjectionPolicy) {
	if key.Name != object.InjectionPolicyName {
		return
	}
	x.policy = p
	for namespace := range x.namespaces {
		x.dirty[namespace] = struct{}{}
	}
}

func (x *injectionIndex) eachPolicy(visit func(object.Key, *object.InjectionPolicy)) {
	if x.policy != nil {
		visit(object.Key{Kind: object.KindInjectionPolicy, Name: object.InjectionPolicyName}, x.policy)
	}
}

// putPod replaces a pod; nil removes it.
func (x *injectionIndex) putPod(id object.ID, p *object.Pod) {
	if x.namespaces[id.Namespace] == nil {
		return // There are many of them.
	}
	created := int64(0)
	if p != nil {
		created = p.NotInjected
	}
	pods := x.without[id.Namespace]
	switch {
	case pods[id.Name] == created:
		return
	case created == 0:
		delete(pods, id.Name)
		if len(pods) == 0 {
			delete(x.without, id.Namespace)
		}
	default:
		if pods == nil {
			pods = map[string]int64{}
			x.without[id.Namespace] = pods
		}
		pods[id.Name] = created
	}
	x.dirty[id.Namespace] = struct{}{}
}

// apply replaces the Problems of the namespaces that changed. pods are all pods.
func (x *injectionIndex) apply(problems *problemIndex, pods map[object.ID]*object.Pod) {
	if labeled := take(&x.labeled); len(labeled) > 0 {
		for id, p := range pods {
			if _, ok := labeled[id.Namespace]; ok {
				x.putPod(id, p)
			}
		}
	}
	for namespace := range take(&x.dirty) {
		problems.put(problemKey{topicInjection, object.Key{Kind: object.KindNamespace, Name: namespace}}, x.problems(namespace))
	}
}

// problems returns a Problem for each pod that should have the bootstrap, and one for all that are older than the label
// or the policy.
func (x *injectionIndex) problems(name string) []mesh.Problem {
	namespace := x.namespaces[name]
	if namespace == nil {
		return nil
	}
	var found []mesh.Problem
	older := map[string][]string{}
	for _, pod := range slices.Sorted(maps.Keys(x.without[name])) {
		switch created := x.without[name][pod]; {
		case created < namespace.Labeled:
			older[olderThanLabel] = append(older[olderThanLabel], pod)
		case x.policy != nil && created < x.policy.Created:
			older[olderThanPolicy] = append(older[olderThanPolicy], pod)
		default:
			found = append(found, mesh.Problem{
				Code: mesh.CodeNotInjected, Severity: mesh.Warning, Object: mesh.Ref{Kind: string(object.KindPod), Namespace: name, Name: pod},
				Message: cmp.Or(x.missing(), "The policy mizzen-injection did not change the pod, although its namespace has the label mizzen.dev/inject: enabled. "+
					"Its gRPC clients do not find the control plane. Run \"controlplane check install\" to find the cause, and then restart the pod."),
			})
		}
	}
	for than, pods := range older {
		found = append(found, mesh.Problem{
			Code: mesh.CodeNotInjected, Severity: mesh.Info, Object: mesh.Ref{Kind: string(object.KindNamespace), Name: name}, Field: "metadata.labels[" + mesh.AnnotationInject + "]",
			Message: fmt.Sprintf("Pods that are older than %s have no bootstrap: %d, such as %s. Their gRPC clients do not find the control plane. "+
				"Restart them, such as by: kubectl -n %s rollout restart deployment.", than, len(pods), pods[0], name),
		})
	}
	return mesh.SortProblems(found)
}

// What pods may be older than.
const (
	olderThanLabel  = "the label mizzen.dev/inject: enabled"
	olderThanPolicy = "the policy mizzen-injection"
)

// missing is what to say of a pod if the policy is not known; empty if it is.
func (x *injectionIndex) missing() string {
	if x.policy != nil {
		return ""
	}
	return "The namespace has the label mizzen.dev/inject: enabled, and no MutatingAdmissionPolicy mizzen-injection is known that would have changed the pod. " +
		"Its gRPC clients do not find the control plane. Install manifests/injection and restart the pod, or set its annotation mizzen.dev/inject to \"false\"."
}
