package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// parentList is the place of Routes and policies of the Gateway API: they have conditions for each parent. The list is atomic and
// other controllers have entries in it, such as the controller of a Gateway. Ours have our controllerName.
type parentList struct {
	// name is the name of the list, and ref that of a reference in it.
	name, ref string
	// max is how many entries it may have.
	max int
	standard
}

var (
	routeParents    = parentList{"parents", "parentRef", 32, routeStandard}
	policyAncestors = parentList{"ancestors", "ancestorRef", 16, policyStandard}
)

// parentRef is the reference of an entry to the parent, as the Route has it.
type parentRef struct {
	group, kind, namespace, name, sectionName string
	port                                      int64
}

// parentEntry is one of our entries.
type parentEntry struct {
	ref        parentRef
	conditions []condition
}

func (l parentList) desired(r report) string {
	if len(r.rule.Parents) == 0 {
		return ""
	}
	return entriesFingerprint(r.rule.Generation, l.entries(r))
}

// entries returns our entries as a report wants them.
func (l parentList) entries(r report) []parentEntry {
	entries := make([]parentEntry, len(r.rule.Parents))
	for i, p := range r.rule.Parents {
		ref := parentRef{group: p.Group, kind: p.Kind, namespace: p.Namespace, name: p.Name, sectionName: p.SectionName, port: int64(p.Port)}
		entries[i] = parentEntry{ref, l.forParent(r, p)}
	}
	return entries
}

func (l parentList) observed(object *unstructured.Unstructured) string {
	var entries []parentEntry
	generation := int64(0)
	first := true
	for _, written := range l.ownEntries(object) {
		entry := parentEntry{ref: l.readRef(written)}
		for _, c := range conditionsIn(written) {
			if one := readCondition(c); slices.Contains(l.own, one.kind) {
				entry.conditions = append(entry.conditions, one)
				if n := observedGeneration(c); first || n < generation {
					generation, first = n, false
				}
			}
		}
		entries = append(entries, entry)
	}
	if len(entries) == 0 {
		return ""
	}
	return entriesFingerprint(generation, entries)
}

func entriesFingerprint(generation int64, entries []parentEntry) string {
	var text strings.Builder
	fmt.Fprint(&text, generation)
	for _, e := range entries {
		fmt.Fprintf(&text, " %+v %q", e.ref, e.conditions)
	}
	return text.String()
}

// set replaces our entries by those that the report wants. In an entry of a parent that stays, conditions of other types are
// preserved.
func (l parentList) set(object *unstructured.Unstructured, r report, now time.Time) error {
	before := map[parentRef]map[string]any{}
	for _, written := range l.ownEntries(object) {
		before[l.readRef(written)] = written
	}
	list := []any{}
	for _, written := range l.entriesOf(object) {
		if written["controllerName"] != mesh.ControllerName {
			list = append(list, written)
		}
	}
	for _, entry := range l.entries(r) {
		if len(list) == l.max {
			break // See leftOut.
		}
		list = append(list, map[string]any{
			l.ref: entry.ref.object(), "controllerName": mesh.ControllerName,
			"conditions": merge(conditionsIn(before[entry.ref]), l.own, entry.conditions, r.rule.Generation, now),
		})
	}
	return unstructured.SetNestedSlice(object.Object, list, "status", l.name)
}

// leftOut returns how many of our entries the list has no room for, because other controllers have the other entries.
func (l parentList) leftOut(object *unstructured.Unstructured, r report) int {
	return len(r.rule.Parents) - len(l.ownEntries(object))
}

func (l parentList) types(object *unstructured.Unstructured) (types []string) {
	for _, written := range l.ownEntries(object) {
		for _, c := range conditionsIn(written) {
			if kind := readCondition(c).kind; !slices.Contains(types, kind) {
				types = append(types, kind)
			}
		}
	}
	return types
}

// remove removes our entries. The definitions require the list itself.
func (l parentList) remove(object *unstructured.Unstructured) error {
	return l.set(object, report{}, time.Time{})
}

// entriesOf returns all entries of an object.
func (l parentList) entriesOf(object *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", l.name)
	return objectsIn(list)
}

func (l parentList) ownEntries(object *unstructured.Unstructured) []map[string]any {
	return slices.DeleteFunc(l.entriesOf(object), func(written map[string]any) bool { return written["controllerName"] != mesh.ControllerName })
}

func conditionsIn(written map[string]any) []map[string]any {
	list, _, _ := unstructured.NestedSlice(written, "conditions")
	return objectsIn(list)
}

func (l parentList) readRef(written map[string]any) (r parentRef) {
	ref, _ := written[l.ref].(map[string]any)
	for name, into := range r.texts() {
		*into, _ = ref[name].(string)
	}
	r.port, _ = ref["port"].(int64)
	return r
}

func (r *parentRef) texts() map[string]*string {
	return map[string]*string{"group": &r.group, "kind": &r.kind, "namespace": &r.namespace, "name": &r.name, "sectionName": &r.sectionName}
}

// object returns the reference in JSON. The group of Services is empty, and must be written, because its default is another.
func (r parentRef) object() map[string]any {
	ref := map[string]any{"group": r.group}
	for name, from := range r.texts() {
		if *from != "" {
			ref[name] = *from
		}
	}
	if r.port != 0 {
		ref["port"] = r.port
	}
	return ref
}
