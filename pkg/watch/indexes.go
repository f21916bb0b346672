package watch

// kindIndex is where the values of one kind are kept.
type kindIndex struct {
	// put replaces the value of a key; nil removes it.
	put func(key objectKey, value any)
	// each hands out every value.
	each func(visit func(key objectKey, value any))
}

// indexOf makes a kindIndex of functions for values of type V.
func indexOf[V any](put func(objectKey, *V), each func(visit func(objectKey, *V))) kindIndex {
	return kindIndex{
		put: func(key objectKey, value any) {
			v, _ := value.(*V)
			put(key, v)
		},
		each: func(visit func(objectKey, any)) { each(func(key objectKey, v *V) { visit(key, v) }) },
	}
}

// newIndexes says for each kind where its values are kept.
func (a *assembler) newIndexes() map[Kind]kindIndex {
	v, r := a.inventory, a.rules
	return map[Kind]kindIndex{
		KindService:         indexOf(v.putService, v.eachService),
		KindEndpointSlice:   indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(KindEndpointSlice)),
		KindEndpoints:       indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(KindEndpoints)),
		KindPod:             indexOf(v.putPod, v.endpoints.eachPod),
		KindNode:            indexOf(v.putNode, v.endpoints.eachNode),
		KindDestinationRule: indexOf(r.putDestinationRule, r.policies.each),
		KindVirtualService:  indexOf(r.putVirtualService, r.routes.each),
	}
}

// listObjects lists all that the last World is made of: every value, and behind them the Problems of each object that has some, as an
// object of their own. Values never change, so the list is a copy of everything. It is made while changes wait, and therefore plainly.
func (a *assembler) listObjects() []object {
	out := make([]object, 0, a.listed+len(a.problems.byKey))
	for _, row := range Kinds {
		a.indexes[row.Kind].each(func(key objectKey, value any) {
			out = append(out, object{key: key, value: value, generation: a.generation(row, key)})
		})
	}
	for key, found := range a.problems.byKey {
		if key.topic == topicObject {
			out = append(out, object{key: key.about, problems: found, generation: a.generation(key.about.kind.Row(), key.about)})
		}
	}
	a.listed = len(out)
	return out
}

// generation is kept in the World's list of rules, and for nothing else.
func (a *assembler) generation(row *KindRow, key objectKey) int64 {
	if row == nil || !row.Authored {
		return 0
	}
	if rule, ok := a.last.Rules.Get(key.ref().String()); ok {
		return rule.Generation
	}
	return 0
}
