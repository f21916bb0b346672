package assemble

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// sidecarIndex keeps the Sidecars. Which of them apply to a client is known once the client asks, so they are bound to nothing.
type sidecarIndex struct {
	root     string
	labels   *labelIndex
	problems *problemIndex
	store    securityStore[object.Sidecar, mesh.Sidecar]
	// dirty are the namespaces whose Sidecars changed.
	dirty map[string]struct{}
	// current are the Sidecars of the World that is being built, by namespace.
	current map[string]*mesh.SidecarSet
	hosts   egressIndex
}

func newSidecarIndex(root, domain string, labels *labelIndex, problems *problemIndex) *sidecarIndex {
	return &sidecarIndex{
		root: root, labels: labels, problems: problems, store: securityStore[object.Sidecar, mesh.Sidecar]{},
		dirty: map[string]struct{}{}, current: map[string]*mesh.SidecarSet{}, hosts: newEgressIndex(domain),
	}
}

// indexes returns the index of the kind.
func (x *sidecarIndex) indexes() kindIndexes {
	return kindIndexes{object.KindSidecar: indexOf(x.put, x.store.each)}
}

// size is how many Sidecars there are.
func (x *sidecarIndex) size() int {
	n := 0
	for _, set := range x.current {
		n += len(set.Sidecars)
	}
	return n
}

func (x *sidecarIndex) put(key object.Key, s *object.Sidecar) {
	if !x.store.put(key, s, sameSidecarValue) {
		return
	}
	x.dirty[key.Namespace] = struct{}{}
	if s == nil {
		x.hosts.remove(key)
		x.problems.put(problemKey{topicConflict, key}, nil)
		x.problems.put(problemKey{topicHost, key}, nil)
	}
}

// apply puts the Sidecars that changed into the World, compares them with each other and with the pods, and their hosts with
// what Services and VirtualServices declare.
func (x *sidecarIndex) apply(b *worldBuilder) {
	if len(x.dirty)+len(x.current) == 0 {
		return
	}
	compare := take(&x.dirty)
	for namespace := range compare {
		all := x.store.bind(namespace, func(e *secured[object.Sidecar, mesh.Sidecar]) *mesh.Sidecar {
			return &mesh.Sidecar{Ref: e.key.Ref(), Spec: e.value.Spec, Selector: e.value.Selector, Egress: e.value.Egress}
		}, sameSidecar)
		slices.SortStableFunc(all, func(a, b *mesh.Sidecar) int {
			return cmp.Or(compareBool(a.Selector == nil, b.Selector == nil), x.value(a).Created.Compare(x.value(b).Created))
		})
		set := &mesh.SidecarSet{Sidecars: all}
		if x.current[namespace] = set; len(all) == 0 {
			set = nil
			delete(x.current, namespace)
		}
		b.sidecars.put(namespace, set)
		x.compare(namespace)
		for _, s := range all {
			x.hosts.put(keyOf(s.Ref), s.Egress, x.clientsOf(s))
		}
	}
	for namespace := range x.labels.dirty {
		if _, done := compare[namespace]; !done && x.current[namespace] != nil {
			x.compare(namespace)
		}
	}
	for key, problems := range x.hosts.check(b) {
		x.problems.put(problemKey{topicHost, key}, problems)
	}
}

func (x *sidecarIndex) value(s *mesh.Sidecar) *object.Sidecar {
	return x.store[s.Ref.Namespace][s.Ref.Name].value
}

// clientsOf returns the namespace of the clients of a Sidecar; empty if it applies to those of many.
func (x *sidecarIndex) clientsOf(s *mesh.Sidecar) string {
	if s.Ref.Namespace == x.root && s.Selector == nil {
		return ""
	}
	return s.Ref.Namespace
}

// compare reports Sidecars of a namespace that another one takes precedence over, for all clients or for known pods.
func (x *sidecarIndex) compare(namespace string) {
	set := x.current[namespace]
	if set == nil {
		return
	}
	found := map[*mesh.Sidecar][]mesh.Problem{}
	report := func(s *mesh.Sidecar, code mesh.Code, field, format string, args ...any) {
		found[s] = append(found[s], mesh.Problem{Code: code, Severity: mesh.Warning, Object: s.Ref, Field: field, Message: fmt.Sprintf(format, args...)})
	}
	var selecting []*mesh.Sidecar
	for i, s := range set.Sidecars {
		if s.Selector != nil && namespace == x.root {
			report(s, mesh.CodeInvalidValue, "spec.workloadSelector", "In %q, the namespace of the whole mesh, a Sidecar with a workloadSelector applies only to clients of this namespace. Remove workloadSelector to narrow the whole mesh.", namespace)
		}
		switch earlier := coveredBy(s, set.Sidecars[:i]); {
		case earlier >= 0:
			report(s, mesh.CodeConflict, "spec", "%s is for the same clients and takes precedence. This object has no effect. Merge the two, or remove this one.", set.Sidecars[earlier].Ref)
		case s.Selector != nil:
			selecting = append(selecting, s)
		}
	}
	type pair struct{ first, other *mesh.Sidecar }
	told := map[pair]bool{}
	for _, labels := range slices.Sorted(maps.Keys(x.labels.pods[namespace])) {
		var first *mesh.Sidecar
		for _, s := range selecting {
			switch {
			case !labels.Match(s.Selector):
			case first == nil:
				first = s
			case !told[pair{first, s}]:
				told[pair{first, s}] = true
				report(s, mesh.CodeConflict, "spec.workloadSelector", "%s selects pods with the labels %s, too, and takes precedence. This object has no effect on them. Narrow one of the selectors, or merge the two.", first.Ref, labelText(labels))
			}
		}
	}
	for _, s := range set.Sidecars {
		x.problems.put(problemKey{topicConflict, keyOf(s.Ref)}, mesh.SortProblems(found[s]))
	}
}

// coveredBy returns the index of the first that selects all clients that s selects, if both are for all clients or for some; -1
// if there is none.
func coveredBy(s *mesh.Sidecar, all []*mesh.Sidecar) int {
	labels := mesh.MakeLabels(s.Selector)
	return slices.IndexFunc(all, func(other *mesh.Sidecar) bool {
		return (s.Selector == nil) == (other.Selector == nil) && labels.Match(other.Selector)
	})
}

// labelText writes labels as people do.
func labelText(labels mesh.Labels) string {
	set := labels.Map()
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(set)) {
		pairs = append(pairs, key+"="+set[key])
	}
	return strings.Join(pairs, ",")
}

func sameSidecarValue(a, b *object.Sidecar) bool {
	return a.Created.Equal(b.Created) && sameSelector(a.Selector, b.Selector) && reflect.DeepEqual(a.Egress, b.Egress) && proto.Equal(a.Spec, b.Spec)
}

func sameSidecar(a, b *mesh.Sidecar) bool {
	return a.Ref == b.Ref && sameSelector(a.Selector, b.Selector) && reflect.DeepEqual(a.Egress, b.Egress) && proto.Equal(a.Spec, b.Spec)
}

func sameSidecars(a, b *mesh.SidecarSet) bool { return slices.Equal(a.Sidecars, b.Sidecars) }
