package assemble

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Assembler keeps the objects of a source and makes Worlds of them. It looks only at what a change may concern, and
// gives whatever comes out as it was the pointer it had. One goroutine owns it.
//
// A World is built in two steps: the inventory edits the Services of the cluster and what is behind them, then the rules
// are bound to the result. A second cluster is a second inventory, joined with the first between the two steps.
type Assembler struct {
	domain, root string
	defaults     mesh.Defaults
	last         *mesh.World
	// stored is when what is kept here was stored, until the source itself has been read.
	stored time.Time

	inventory *inventory
	rules     *rules
	problems  *problemIndex
	// indexes are where the values of each kind are kept; listed is how many objects the last list of all had.
	indexes map[object.Kind]kindIndex
	listed  int
}

// Options are what an assembler needs to know.
type Options struct {
	// Domain is the cluster's DNS domain, and RootNamespace that of the DestinationRules of the whole mesh.
	Domain, RootNamespace string
	// Defaults are handed on with every World.
	Defaults mesh.Defaults
	// EmptyServiceGrace is how long a Service that loses all its endpoints at once keeps them; see lossGuard.
	EmptyServiceGrace time.Duration
	// Pods asks for the World's lists of pods.
	Pods bool
}

// New returns an Assembler without objects.
func New(o Options) *Assembler {
	hosts, problems := newHostIndex(), newProblemIndex()
	a := &Assembler{
		domain: o.Domain, root: o.RootNamespace, defaults: o.Defaults,
		inventory: newInventory(o, hosts, problems), rules: newRules(o, hosts, problems), problems: problems,
	}
	a.indexes = a.newIndexes()
	return a
}

// Apply keeps objects, nil for one that is gone, and Problems that were found beside them, by what they are about.
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

// Restored notes that what is kept was stored at that time, and what is to be said of it; the zero time if it is the
// source's own.
func (a *Assembler) Restored(at time.Time, problems ...mesh.Problem) {
	a.stored = at
	a.problems.put(problemKey{topic: topicStored}, problems)
}

// Due is in how long the World may change without a change of objects, and whether it may.
func (a *Assembler) Due(now time.Time) (time.Duration, bool) {
	return a.inventory.guard.nextExpiry(now)
}

// set keeps an object in place of the one of the same key.
func (a *Assembler) set(o object.Object) {
	a.put(o.Key, o.Value)
	a.problems.put(problemKey{topicObject, o.Key}, o.Problems)
	a.problems.locate(o.Key.Ref(), o.Source)
	a.rules.authored.note(o)
}

// remove forgets an object; it need not be there.
func (a *Assembler) remove(key object.Key) {
	a.set(object.Object{Key: key})
}

// put hands a value to the index of its kind; nil removes what is kept.
func (a *Assembler) put(key object.Key, value any) {
	if value == nil {
		a.problems.put(problemKey{topicHost, key}, nil)
	}
	if index, ok := a.indexes[key.Kind]; ok {
		index.put(key, value)
	}
}

// World returns the World of the objects kept: the same pointer as last time when nothing changed.
func (a *Assembler) World() *mesh.World {
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
	if rules, moved := a.rules.authored.apply(last.ConfigObjects); moved {
		w.ConfigObjects, changed = rules, true
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
