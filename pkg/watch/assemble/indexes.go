package assemble

import (
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// kindIndex is where the values of one kind are kept.
type kindIndex struct {
	// put replaces the value of a key; nil removes it.
	put func(key object.Key, value any)
	// each visits every value.
	each func(visit func(key object.Key, value any))
}

// indexOf makes a kindIndex of functions for values of type V.
func indexOf[V any](put func(object.Key, *V), each func(visit func(object.Key, *V))) kindIndex {
	return kindIndex{
		put: func(key object.Key, value any) {
			v, _ := value.(*V)
			put(key, v)
		},
		each: func(visit func(object.Key, any)) { each(func(key object.Key, v *V) { visit(key, v) }) },
	}
}

// newIndexes returns the index of each kind.
func (a *Assembler) newIndexes() map[object.Kind]kindIndex {
	v, r := a.inventory, a.rules
	return map[object.Kind]kindIndex{
		object.KindService:         indexOf(v.putService, v.eachService),
		object.KindEndpointSlice:   indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpointSlice)),
		object.KindEndpoints:       indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpoints)),
		object.KindPod:             indexOf(v.putPod, v.endpoints.eachPod),
		object.KindNode:            indexOf(v.putNode, v.endpoints.eachNode),
		object.KindDestinationRule: indexOf(r.putDestinationRule, r.policies.each),
		object.KindVirtualService:  indexOf(r.putVirtualService, r.routes.each),
	}
}

// ListObjects lists everything that the last World is made of: every value, followed by one entry for each object
// with Problems. Values are immutable, so the list is a complete copy. Changes wait while it is made, so it only
// copies.
func (a *Assembler) ListObjects() []object.Object {
	out := make([]object.Object, 0, a.size())
	for _, row := range object.Kinds {
		a.indexes[row.Kind].each(func(key object.Key, value any) {
			out = append(out, object.Object{Key: key, Value: value, Generation: a.generation(row, key)})
		})
	}
	for key, found := range a.problems.byKey {
		if key.topic == topicObject {
			out = append(out, object.Object{Key: key.about, Problems: found, Generation: a.generation(key.about.Kind.Row(), key.about)})
		}
	}
	return out
}

// size is about how many objects ListObjects lists. A list that grows while it is made would take several times as
// long.
func (a *Assembler) size() int {
	v, r := a.inventory, a.rules
	return len(v.services) + len(v.endpoints.slices) + len(v.endpoints.pods) + len(v.endpoints.nodes) +
		len(r.policies.rules) + len(r.routes.entries) + len(a.problems.byKey)
}

// generation returns the generation of an authored object, which only the World's list of rules keeps.
func (a *Assembler) generation(row *object.KindRow, key object.Key) int64 {
	if row == nil || !row.Authored {
		return 0
	}
	if rule, ok := a.last.ConfigObjects.Get(key.Ref().String()); ok {
		return rule.Generation
	}
	return 0
}
