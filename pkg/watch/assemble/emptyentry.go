package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// emptyBecause says why a host has no endpoint that can be called, and what to do.
type emptyBecause struct {
	field, what, wayOut string
	// meant means that something was probably meant to be an endpoint of it.
	meant bool
}

// addEntries adds the empty hosts of ServiceEntries, whose messages name WorkloadEntries, if an object of these kinds changed.
func (x *emptiness) addEntries(todo map[string]struct{}) {
	if !x.external.moved {
		return
	}
	x.external.moved = false
	for host := range x.empty {
		if x.external.groups[host] != nil {
			todo[host] = struct{}{}
		}
	}
}

// lackOfEntry says why a host of ServiceEntries has no endpoint at all.
func (x *external) lackOfEntry(host string) emptyBecause {
	if g := x.groups[host]; g != nil {
		for _, e := range g.entries {
			if e.Selector != nil && !e.Closed {
				return x.unselected(e)
			}
		}
	}
	return emptyBecause{"spec.endpoints", "no endpoints", "Correct what other Problems of the object name, list endpoints, or set workloadSelector.", false}
}

// unselected says why a selector yields no endpoint.
func (x *external) unselected(e *serviceEntry) emptyBecause {
	namespace, field := e.key.Namespace, "spec.workloadSelector"
	var labels []mesh.Labels
	for _, id := range x.inNamespace[namespace] {
		w := x.workloads[id]
		if w.Labels.Match(e.Selector) {
			return emptyBecause{field, "no endpoints, because what its workloadSelector selects cannot be called", "Correct what other Problems of the selected WorkloadEntries name.", true}
		}
		labels = append(labels, w.Labels)
	}
	wayOut := "Correct workloadSelector, or the labels of WorkloadEntries or pods."
	if other, ok := x.selectedElsewhere(e); ok {
		what := fmt.Sprintf("no endpoints: workloadSelector selects nothing in namespace %s. WorkloadEntry %s/%s has the labels", namespace, other.Namespace, other.Name)
		return emptyBecause{field, what, fmt.Sprintf("Move one of the two: only WorkloadEntries and pods of namespace %s are selected.", namespace), true}
	}
	if len(labels) == 0 {
		return emptyBecause{field, fmt.Sprintf("no endpoints: workloadSelector selects no pod, and namespace %s has no WorkloadEntry", namespace), wayOut, false}
	}
	text, meant := differences(labels, e.Selector)
	return emptyBecause{field, fmt.Sprintf("no endpoints: workloadSelector selects no pod, and none of %d WorkloadEntries of namespace %s: %s", len(labels), namespace, text), wayOut, meant}
}

// unready says what to do about a host that has endpoints of which none is ready.
func (x *external) unready(host string) string {
	g := x.groups[host]
	switch {
	case g == nil:
		return "Make its pods ready."
	case g.under == nil && !slices.ContainsFunc(g.entries, func(e *serviceEntry) bool { return len(e.pods) > 0 }):
		return "Their WorkloadEntries have the condition Healthy with status False, or their machines have no stream. Repair the machines."
	}
	return "Make its pods ready, or its WorkloadEntries healthy."
}

// selectedElsewhere returns the first WorkloadEntry of another namespace that has the labels.
func (x *external) selectedElsewhere(e *serviceEntry) (first object.ID, ok bool) {
	for id, w := range x.workloads {
		if id.Namespace != e.key.Namespace && w.Labels.Match(e.Selector) && (!ok || id.Compare(first) < 0) {
			first, ok = id, true
		}
	}
	return first, ok
}

// differences says which labels of a selector none of some objects has, and whether one of them probably has a label
// misspelled.
func differences(labels []mesh.Labels, selector map[string]string) (text string, meant bool) {
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		want := selector[key]
		values, some := labelValues(len(labels), func(i int) (string, bool) {
			value, ok := labels[i].Get(key)
			meant = meant || ok && value != want && likelyTypo(value, want)
			return value, ok
		}, want)
		if !some {
			differ = append(differ, fmt.Sprintf("their label %s is %s", key, values))
		}
	}
	if len(differ) == 0 {
		differ = []string{"none has all of its labels"}
	}
	return strings.Join(differ, ", and "), meant
}
