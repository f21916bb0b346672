package assemble

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// lack is something that injection gives to pods of namespaces with a label, and that a pod may have come without.
type lack struct {
	// name and value are the label of the namespaces, and field is where a pod without it is reported.
	name, value, field string
	// since is when a namespace got the label; 0 if it does not have it.
	since func(*object.Namespace) int64
	// of is when a pod without it was created; 0 if the pod has it.
	of func(*object.Pod) int64
	// unknown is what to write of a pod if no policy is known that would have changed it, and known if there is one.
	unknown, known string
	// older is what to write of pods that are older than the label or the policy, in order: than what, how many, one of
	// them, and the namespace.
	older string
}

// lacks are in the order in which they are reported. A pod is reported for the first.
var lacks = []*lack{
	{
		name: mesh.AnnotationInject, value: mesh.InjectEnabled,
		since: func(n *object.Namespace) int64 { return n.Labeled },
		of:    func(p *object.Pod) int64 { return p.NotInjected },
		unknown: "The namespace has the label mizzen.dev/inject: enabled, and no MutatingAdmissionPolicy mizzen-injection is known that would have changed the pod. " +
			"Its gRPC clients do not find the control plane. Install manifests/injection and restart the pod, or set its annotation mizzen.dev/inject to \"false\".",
		known: "The policy mizzen-injection did not change the pod, although its namespace has the label mizzen.dev/inject: enabled. " +
			"Its gRPC clients do not find the control plane. Run \"controlplane check install\" to find the cause, and then restart the pod.",
		older: "Pods that are older than %s have no bootstrap: %d, such as %s. Their gRPC clients do not find the control plane. " +
			"Restart them, such as by: kubectl -n %s rollout restart deployment.",
	},
	{
		name: mesh.LabelIdentity, value: mesh.IdentitySPIFFE, field: "metadata.labels[" + mesh.LabelIdentity + "]",
		since: func(n *object.Namespace) int64 { return n.Identity },
		of:    func(p *object.Pod) int64 { return p.NoIdentity },
		unknown: "The namespace has the label mizzen.dev/identity: spiffe, and no MutatingAdmissionPolicy mizzen-injection is known that would have given the pod a certificate. " +
			"It cannot use mTLS. Install manifests/injection and restart the pod, or set its annotation mizzen.dev/identity to none.",
		known: "The pod got no certificate, although its namespace has the label mizzen.dev/identity: spiffe, so it cannot use mTLS. Either a container has its own bootstrap, or injection gives no certificates. " +
			"Run \"controlplane check install\" and then restart the pod, or set its annotation mizzen.dev/identity to none.",
		older: "Pods that are older than %s have no certificate: %d, such as %s. They cannot use mTLS. " +
			"Restart them, such as by: kubectl -n %s rollout restart deployment.",
	},
}

// injectionIndex finds the pods that came without what injection gives, although their namespace has the label for it.
type injectionIndex struct {
	// namespaces are those with the label for injection. Without it, the other labels have no effect.
	namespaces map[string]*object.Namespace
	// policy is the policy that injects; nil if there is none, or if it may not be read.
	policy *object.InjectionPolicy
	// without has, for each of these namespaces and each pod that lacks something, when it was created by the row of lacks.
	without map[string]map[string]lacking
	// dirty are the namespaces to look at again, and labeled those whose pods are not in without yet.
	dirty, labeled map[string]struct{}
}

// lacking is when a pod was created that lacks something, by the row of lacks; 0 for what the pod has.
type lacking [2]int64

func newInjectionIndex() injectionIndex {
	return injectionIndex{namespaces: map[string]*object.Namespace{}, without: map[string]map[string]lacking{}, dirty: map[string]struct{}{}, labeled: map[string]struct{}{}}
}

// putNamespace replaces a namespace with the label; nil removes it.
func (x *injectionIndex) putNamespace(name string, n *object.Namespace) {
	if n == nil {
		delete(x.namespaces, name)
		delete(x.without, name)
		delete(x.labeled, name)
	} else {
		if x.namespaces[name] == nil {
			x.labeled[name] = struct{}{}
		}
		x.namespaces[name] = n
	}
	x.dirty[name] = struct{}{}
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
	created := lackingOf(p)
	pods := x.without[id.Namespace]
	switch {
	case pods[id.Name] == created:
		return
	case created == lacking{}:
		delete(pods, id.Name)
		if len(pods) == 0 {
			delete(x.without, id.Namespace)
		}
	default:
		if pods == nil {
			pods = map[string]lacking{}
			x.without[id.Namespace] = pods
		}
		pods[id.Name] = created
	}
	x.dirty[id.Namespace] = struct{}{}
}

func lackingOf(p *object.Pod) (created lacking) {
	for i := range lacks {
		if p != nil {
			created[i] = lacks[i].of(p)
		}
	}
	return created
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

// problems returns a Problem for each pod that should have something, and one for all that are older than the label or
// the policy.
func (x *injectionIndex) problems(name string) []mesh.Problem {
	namespace := x.namespaces[name]
	if namespace == nil {
		return nil
	}
	var found []mesh.Problem
	reported := map[string]bool{}
	for i := range lacks {
		row := lacks[i]
		labeled := row.since(namespace)
		if labeled == 0 && i > 0 {
			continue // The time of the first label may be unknown.
		}
		older := map[string][]string{}
		for _, pod := range slices.Sorted(maps.Keys(x.without[name])) {
			created := x.without[name][pod][i]
			if created == 0 || reported[pod] {
				continue
			}
			reported[pod] = true
			switch {
			case created < labeled:
				than := "the label " + row.name + ": " + row.value
				older[than] = append(older[than], pod)
			case x.policy != nil && created < x.policy.Created:
				older[olderThanPolicy] = append(older[olderThanPolicy], pod)
			default:
				found = append(found, mesh.Problem{
					Code: mesh.CodeNotInjected, Severity: mesh.Warning, Object: mesh.Ref{Kind: string(object.KindPod), Namespace: name, Name: pod},
					Field: row.field, Message: row.message(x.policy),
				})
			}
		}
		for than, pods := range older {
			found = append(found, mesh.Problem{
				Code: mesh.CodeNotInjected, Severity: mesh.Info, Object: mesh.Ref{Kind: string(object.KindNamespace), Name: name}, Field: "metadata.labels[" + row.name + "]",
				Message: fmt.Sprintf(row.older, than, len(pods), pods[0], name),
			})
		}
	}
	return mesh.SortProblems(found)
}

const olderThanPolicy = "the policy mizzen-injection"

// message is what to write of a pod that lacks it.
func (l *lack) message(policy *object.InjectionPolicy) string {
	if policy == nil {
		return l.unknown
	}
	return l.known
}
