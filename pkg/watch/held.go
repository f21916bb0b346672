package watch

// objects lists all that the last World is made of: every value, and behind them the Problems of each object that has some, as an
// object of their own. Values never change, so the list is a copy of everything. It is made while changes wait, and therefore plainly.
func (a *assembler) objects() []object {
	held := len(a.services) + len(a.endpoints.slices) + len(a.endpoints.pods) + len(a.endpoints.nodes) + len(a.routes.held) + len(a.policies.rules)
	out := make([]object, 0, held+len(a.problems.byKey))
	add := func(k kind, id objectID, value any) {
		out = append(out, object{key: objectKey{k, id.namespace, id.name}, value: value})
	}
	for id, s := range a.services {
		add(kindService, id, s)
	}
	for key, h := range a.endpoints.slices {
		add(key.kind, key.id(), h.slice)
	}
	for id, p := range a.endpoints.pods {
		add(kindPod, id, p)
	}
	for name, n := range a.endpoints.nodes {
		add(kindNode, objectID{name: name}, n)
	}
	rules := len(out)
	for id, h := range a.routes.held {
		add(kindVirtualService, id, h.virtualService)
	}
	for id, r := range a.policies.rules {
		add(kindDestinationRule, id, r.destinationRule)
	}
	for key, found := range a.problems.byKey {
		if key.topic == topicObject {
			out = append(out, object{key: key.about, problems: found})
		}
	}
	for i := rules; i < len(out); i++ {
		out[i].generation = a.generation(out[i].key)
	}
	return out
}

// generation is kept in the World's list of rules, and for nothing else.
func (a *assembler) generation(key objectKey) int64 {
	if rule, ok := a.last.Rules.Get(key.ref().String()); ok {
		return rule.Generation
	}
	return 0
}
