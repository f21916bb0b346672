package status

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// place is where the objects of a kind have our conditions. What other writers have there is preserved.
type place interface {
	// desired returns the fingerprint of what a report wants; empty if it wants nothing.
	desired(r report) string
	// observed returns the fingerprint of what an object has of ours; empty if it has nothing.
	observed(object *unstructured.Unstructured) string
	// set replaces what an object has of ours by what the report wants.
	set(object *unstructured.Unstructured, r report, now time.Time) error
	// types returns the types of our conditions on an object.
	types(object *unstructured.Unstructured) []string
	// remove removes them.
	remove(object *unstructured.Unstructured) error
}

// placeOf returns the place of a kind.
func placeOf(kind string) place {
	switch object.Kind(kind).Row().ParentStatus {
	case routeParents.name:
		return routeParents
	case policyAncestors.name:
		return policyAncestors
	default:
		return conditionList{}
	}
}

// conditionList is the place of Istio's kinds: one list of conditions, status.conditions.
type conditionList struct{}

// ownTypes are the types that Mizzen owns in every place.
var ownTypes = []string{typeAccepted, typeConnected, typeProgrammed, typeRolledOut}

func (conditionList) desired(r report) string { return fingerprint(r.rule.Generation, r.conditions) }

func (conditionList) observed(object *unstructured.Unstructured) string {
	var found []condition
	generation := int64(0)
	for _, c := range conditionsOf(object) {
		one := readCondition(c)
		if !slices.Contains(ownTypes, one.kind) {
			continue
		}
		if n := observedGeneration(c); len(found) == 0 || n < generation {
			generation = n
		}
		found = append(found, one)
	}
	if len(found) == 0 {
		return ""
	}
	return fingerprint(generation, found)
}

func (conditionList) set(object *unstructured.Unstructured, r report, now time.Time) error {
	list := merge(conditionsOf(object), ownTypes, r.conditions, r.rule.Generation, now)
	return unstructured.SetNestedSlice(object.Object, list, "status", "conditions")
}

func (conditionList) types(object *unstructured.Unstructured) (types []string) {
	for _, c := range conditionsOf(object) {
		if kind := readCondition(c).kind; slices.Contains(ownTypes, kind) {
			types = append(types, kind)
		}
	}
	return types
}

// remove also removes the fields that are empty without our conditions.
func (conditionList) remove(o *unstructured.Unstructured) error {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(item any) bool {
		c, _ := item.(map[string]any)
		kind, _ := c["type"].(string)
		return slices.Contains(ownTypes, kind)
	})
	if len(list) > 0 {
		return unstructured.SetNestedSlice(o.Object, list, "status", "conditions")
	}
	unstructured.RemoveNestedField(o.Object, "status", "conditions")
	if status, _, _ := unstructured.NestedMap(o.Object, "status"); len(status) == 0 {
		unstructured.RemoveNestedField(o.Object, "status")
	}
	return nil
}

func conditionsOf(object *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	return objectsIn(list)
}

// objectsIn returns the objects of a list.
func objectsIn(list []any) []map[string]any {
	var all []map[string]any
	for _, item := range list {
		if one, ok := item.(map[string]any); ok {
			all = append(all, one)
		}
	}
	return all
}

func fingerprint(generation int64, conditions []condition) string {
	return fmt.Sprintf("%d %q", generation, conditions)
}

func readCondition(c map[string]any) (one condition) {
	one.kind, _ = c["type"].(string)
	one.status, _ = c["status"].(string)
	one.reason, _ = c["reason"].(string)
	one.message, _ = c["message"].(string)
	return one
}

// observedGeneration reads a generation. It returns 0 for a string, which older releases and programs with Istio's types
// write: kubectl reads numbers only, so such a condition is written again.
func observedGeneration(c map[string]any) int64 {
	n, _ := c["observedGeneration"].(int64)
	return n
}

// merge returns the conditions of a list that have other types than ours, and then the desired ones. The transition time of a
// condition changes only with its status.
func merge(before []map[string]any, own []string, desired []condition, generation int64, now time.Time) []any {
	transitions := map[string]string{}
	list := []any{}
	for _, c := range before {
		kind, _ := c["type"].(string)
		if !slices.Contains(own, kind) {
			list = append(list, c)
			continue
		}
		if since, ok := c["lastTransitionTime"].(string); ok {
			transitions[fmt.Sprint(kind, " ", c["status"])] = since
		}
	}
	for _, c := range desired {
		since := transitions[c.kind+" "+c.status]
		if since == "" {
			since = now.UTC().Format(time.RFC3339)
		}
		list = append(list, map[string]any{
			"type": c.kind, "status": c.status, "reason": c.reason, "message": c.message,
			"lastTransitionTime": since, "observedGeneration": generation,
		})
	}
	return list
}
