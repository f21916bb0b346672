package assemble

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Assembler keeps the objects of a source and builds Worlds of them. It evaluates only what a change may affect, and
// whatever comes out equal keeps its pointer. It belongs to one goroutine.
//
// A World is built in two steps: the inventory edits the Services of the cluster and what is behind them, then the
// rules are bound to the result. A second cluster would be a second inventory, joined with the first between the two
// steps. There the Services that are other names of Services are resolved, too.
type Assembler struct {
	domain, root string
	defaults     mesh.Defaults
	last         *mesh.World
	// stored is when the current objects were stored; zero once the source itself was read.
	stored time.Time

	inventory *inventory
	rules     *rules
	aliases   *aliasIndex
	emptiness *emptiness
	exports   *exportIndex
	problems  *problemIndex
	// indexes has the index of each kind.
	indexes kindIndexes
}

// Options are the options of an Assembler.
type Options struct {
	// Domain is the cluster's DNS domain. RootNamespace has the DestinationRules of the whole mesh.
	Domain, RootNamespace string
	// Defaults are copied into every World.
	Defaults mesh.Defaults
	// EmptyServiceGrace is how long a Service that loses all its endpoints at once keeps them; see lossGuard. It is also
	// how long a Service or a subset must be empty to be reported; see emptiness.
	EmptyServiceGrace time.Duration
	// Pods enables the World's lists of pods.
	Pods bool
}

// New returns an Assembler without objects.
func New(o Options) *Assembler {
	hosts, problems := newHostIndex(), newProblemIndex()
	a := &Assembler{
		domain: o.Domain, root: o.RootNamespace, defaults: o.Defaults,
		inventory: newInventory(o, hosts, problems), rules: newRules(o, hosts, problems), problems: problems,
		indexes: kindIndexes{},
	}
	a.aliases = newAliasIndex(a.inventory, a.rules, problems)
	a.exports = newExportIndex(problems)
	a.emptiness = newEmptiness(o.EmptyServiceGrace, a.inventory, a.rules, problems)
	maps.Copy(a.indexes, a.inventory.indexes())
	maps.Copy(a.indexes, a.rules.indexes())
	return a
}

// Apply records objects, nil for an object that is gone, and Problems that are not in an object, by what they are
// about.
func (a *Assembler) Apply(objects map[object.Key]*object.Object, problems map[object.Key][]mesh.Problem) {
	for key, o := range objects {
		if o == nil {
			a.remove(key)
		} else {
			a.set(*o)
		}
	}
	for about, found := range problems {
		a.problems.put(problemKey{topicFeed, about}, found)
	}
}

// Restored records when the current objects were stored, and the Problems to report meanwhile; the zero time once the
// objects are the source's own.
func (a *Assembler) Restored(at time.Time, problems ...mesh.Problem) {
	a.stored = at
	a.problems.put(problemKey{topic: topicStored}, problems)
}

// Due returns the time after which the World may change without a change of objects, and false if it cannot.
func (a *Assembler) Due(now time.Time) (time.Duration, bool) {
	kept, keeps := a.inventory.guard.nextExpiry(now)
	empty, waits := a.emptiness.nextExpiry(now)
	if !keeps || waits && empty < kept {
		return empty, waits
	}
	return kept, keeps
}

// set replaces an object.
func (a *Assembler) set(o object.Object) {
	a.put(o.Key, o.Value)
	a.problems.put(problemKey{topicObject, o.Key}, o.Problems)
	a.problems.locate(o.Key.Ref(), o.Source)
	a.problems.silence(o.Key, o.Silenced)
	a.rules.authored.note(o)
}

// remove removes an object, if it exists.
func (a *Assembler) remove(key object.Key) {
	a.set(object.Object{Key: key})
}

// put passes a value to the index of its kind; nil removes it.
func (a *Assembler) put(key object.Key, value any) {
	if value == nil {
		a.problems.put(problemKey{topicHost, key}, nil)
		a.problems.put(problemKey{topicPorts, key}, nil)
	}
	if index, ok := a.indexes[key.Kind]; ok {
		had := a.has(key)
		index.put(key, value)
		a.exports.count(key.Namespace, had, a.has(key))
		a.exports.put(key, value)
	}
}

// has reports whether there is an object of a kind that clients or authors have in their namespace.
func (a *Assembler) has(key object.Key) (ok bool) {
	switch key.Kind {
	case object.KindService:
		_, ok = a.inventory.services[key.ID()]
	case object.KindPod:
		_, ok = a.inventory.endpoints.pods[key.ID()]
	case object.KindVirtualService:
		_, ok = a.rules.routes.entries[key.ID()]
	case object.KindDestinationRule:
		_, ok = a.rules.policies.rules[key.ID()]
	case object.KindEndpointSlice, object.KindEndpoints, object.KindNode, object.KindNamespace, object.KindInjectionPolicy, object.KindServiceEntry:
	}
	return ok
}

// World returns the World of the current objects: the same pointer as before if nothing changed.
func (a *Assembler) World() *mesh.World {
	last := a.last
	if last == nil {
		last = &mesh.World{Domain: a.domain, RootNamespace: a.root, Defaults: a.defaults}
	}
	b := newWorldBuilder(last)
	a.inventory.apply(b)
	a.aliases.apply(b)
	a.rules.apply(b)
	a.emptiness.apply(b)
	a.exports.apply()

	w, changed := b.world()
	w.Arrived, w.StoredAt = time.Time{}, a.stored
	changed = changed || a.last == nil || !w.StoredAt.Equal(last.StoredAt)
	if rules, moved := a.rules.authored.apply(last.ConfigObjects); moved {
		w.ConfigObjects, changed = rules, true
	}
	if unbound, moved := a.rules.routes.listUnbound(last.Unbound); moved {
		w.Unbound, changed = unbound, true
	}
	if unbound := a.rules.policies.listUnbound(); !slices.Equal(unbound, last.UnboundRules) {
		w.UnboundRules, changed = unbound, true
	}
	if a.problems.moved {
		a.problems.moved = false
		w.Sources, changed = maps.Clone(a.problems.sources), true
	}
	if a.problems.muted {
		a.problems.muted = false
		w.Silenced, changed = a.problems.byRef(), true
	}
	if a.problems.dirty {
		a.problems.dirty = false
		if problems := a.problems.all(); !slices.Equal(problems, last.Problems) {
			w.Problems, changed = problems, true
		}
	}
	if !changed {
		return a.last
	}
	a.last = w
	return w
}

// ListObjects lists everything that the last World is made of: every value, followed by the Problems and the
// silenced codes of each object that has some, as an entry of their own. Values are immutable, so the list is a complete copy. Changes wait while it
// is made, so it only copies.
func (a *Assembler) ListObjects() []object.Object {
	out := make([]object.Object, 0, a.size())
	for _, row := range object.Kinds {
		a.indexes[row.Kind].each(func(key object.Key, value any) {
			out = append(out, object.Object{Key: key, Value: value, Generation: a.generation(row, key)})
		})
	}
	for key, found := range a.problems.byKey {
		if key.topic == topicObject {
			out = append(out, object.Object{Key: key.about, Problems: found, Silenced: a.problems.silenced[key.about], Generation: a.generation(key.about.Kind.Row(), key.about)})
		}
	}
	for key, codes := range a.problems.silenced {
		if _, listed := a.problems.byKey[problemKey{topicObject, key}]; !listed {
			out = append(out, object.Object{Key: key, Silenced: codes, Generation: a.generation(key.Kind.Row(), key)})
		}
	}
	return out
}

// size is about how many objects ListObjects lists: a list that grows while it is made would take several times as long.
func (a *Assembler) size() int {
	return a.inventory.size() + a.rules.size() + len(a.problems.byKey)
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
