package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// assembler keeps the objects of a source and makes Worlds of them. It looks only at what a change may concern, and
// gives whatever comes out as it was the pointer it had. One goroutine owns it.
//
// A World is built in two steps: the inventory edits the Services of the cluster and what is behind them, then the rules
// are bound to the result. A second cluster is a second inventory, joined with the first between the two steps.
type assembler struct {
	domain, root string
	defaults     mesh.Defaults
	last         *mesh.World
	// stored is when what is kept here was stored, until the source itself has been read.
	stored time.Time

	inventory *inventory
	rules     *rules
	problems  *problemBook
	// indexes are where the values of each kind are kept; listed is how many objects the last list of all had.
	indexes map[Kind]kindIndex
	listed  int
}

func newAssembler(o Options) *assembler {
	hosts, problems := newHostIndex(), newProblemBook()
	a := &assembler{
		domain: o.Domain, root: o.RootNamespace, defaults: o.Defaults,
		inventory: newInventory(o, hosts, problems), rules: newRules(o, hosts, problems), problems: problems,
	}
	a.indexes = a.newIndexes()
	return a
}

// apply keeps what changed.
func (a *assembler) apply(c Changes) {
	for key, o := range c.Objects {
		if o == nil {
			a.remove(key)
		} else {
			a.set(*o)
		}
	}
	for about, problems := range c.Problems {
		a.problems.put(problemKey{topicFeed, about}, problems)
	}
}

// restored notes that what is kept was stored at that time, and what is to be said of it; the zero time if it is the
// source's own.
func (a *assembler) restored(at time.Time, problems ...mesh.Problem) {
	a.stored = at
	a.problems.put(problemKey{topic: topicStored}, problems)
}

// due is in how long the World may change without a change of objects, and whether it may.
func (a *assembler) due(now time.Time) (time.Duration, bool) { return a.inventory.guard.next(now) }

// set keeps an object in place of the one of the same key.
func (a *assembler) set(o object) {
	a.put(o.key, o.value)
	a.problems.put(problemKey{topicObject, o.key}, o.problems)
	a.problems.locate(o.key.ref(), o.source)
	a.rules.authored.note(o)
}

// remove forgets an object; it need not be there.
func (a *assembler) remove(key objectKey) {
	a.set(object{key: key})
}

// put hands a value to the index of its kind; nil removes what is kept.
func (a *assembler) put(key objectKey, value any) {
	if value == nil {
		a.problems.put(problemKey{topicHost, key}, nil)
	}
	if index, ok := a.indexes[key.kind]; ok {
		index.put(key, value)
	}
}

// world returns the World of the objects kept: the same pointer as last time when nothing changed.
func (a *assembler) world() *mesh.World {
	last := a.last
	if last == nil {
		last = &mesh.World{Domain: a.domain, RootNamespace: a.root, Defaults: a.defaults}
	}
	b := newWorldBuilder(last)
	a.inventory.apply(b)
	a.rules.apply(b)

	w, changed := b.world()
	w.Arrived, w.StoredAt = time.Time{}, a.stored
	changed = changed || a.last == nil || !w.StoredAt.Equal(last.StoredAt)
	if rules, moved := a.rules.authored.apply(last.Rules); moved {
		w.Rules, changed = rules, true
	}
	if unbound, moved := a.rules.routes.listUnbound(last.Unbound); moved {
		w.Unbound, changed = unbound, true
	}
	if a.problems.moved {
		a.problems.moved = false
		w.Sources, changed = maps.Clone(a.problems.sources), true
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
