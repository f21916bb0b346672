package watch

import "iter"

// objects are all that the last World is made of, as they were set but for where they were read.
func (a *assembler) objects() iter.Seq[object] {
	return func(yield func(object) bool) {
		seen := map[objectKey]struct{}{}
		for key, value := range a.values() {
			problems := a.problems.byKey[problemKey{topicObject, key}]
			if len(problems) > 0 {
				seen[key] = struct{}{}
			}
			if !yield(object{key: key, value: value, problems: problems, generation: a.generation(key)}) {
				return
			}
		}
		// Of an object that cannot be used at all, only its Problems are kept.
		for key, problems := range a.problems.byKey {
			if _, ok := seen[key.about]; ok || key.topic != topicObject {
				continue
			}
			if !yield(object{key: key.about, problems: problems, generation: a.generation(key.about)}) {
				return
			}
		}
	}
}

// generation is kept in the World's list of rules, and for nothing else.
func (a *assembler) generation(key objectKey) int64 {
	if a.last == nil || key.kind != kindVirtualService && key.kind != kindDestinationRule {
		return 0
	}
	if rule, ok := a.last.Rules.Get(key.ref().String()); ok {
		return rule.Generation
	}
	return 0
}

// values are those of all objects that have one.
func (a *assembler) values() iter.Seq2[objectKey, any] {
	named := func(k kind, id objectID) objectKey { return objectKey{k, id.namespace, id.name} }
	return func(yield func(objectKey, any) bool) {
		for id, s := range a.services {
			if !yield(named(kindService, id), s) {
				return
			}
		}
		for key, h := range a.endpoints.slices {
			if !yield(key, h.slice) {
				return
			}
		}
		for id, p := range a.endpoints.pods {
			if !yield(named(kindPod, id), p) {
				return
			}
		}
		for name, n := range a.endpoints.nodes {
			if !yield(objectKey{kind: kindNode, name: name}, n) {
				return
			}
		}
		for id, h := range a.routes.held {
			if !yield(named(kindVirtualService, id), h.virtualService) {
				return
			}
		}
		for id, r := range a.policies.rules {
			if !yield(named(kindDestinationRule, id), r.destinationRule) {
				return
			}
		}
	}
}
