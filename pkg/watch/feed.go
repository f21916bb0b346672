package watch

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Feed reads one source of objects, such as a cluster or a folder. It does not know what becomes of the objects: the
// assembler is behind the Inbox, where objects of several feeds can be joined.
type Feed interface {
	// Run puts what it reads into the inbox. It returns nil when ctx ends, and an error if it cannot continue.
	Run(ctx context.Context, inbox *Inbox) error
}

// Changes are the latest states of what changed in a source.
type Changes struct {
	// Objects are the objects that changed; nil for an object that is gone.
	Objects map[object.Key]*object.Object
	// Problems replace what the feed reported before about the same thing: an object, a file, or, with the zero key,
	// the whole source. Problems of an object's content are in the object itself.
	Problems map[object.Key][]mesh.Problem
}

// Inbox keeps what a Feed read until the assembler takes it: the latest state of each object that changed. It is safe
// for concurrent use.
type Inbox struct {
	// pending has a value if there may be something to take.
	pending chan struct{}
	// complete is closed once everything in the source was put in.
	complete chan struct{}

	// mu protects the fields below.
	mu sync.Mutex
	// held counts the holds. completed is set once Complete was called.
	held      int
	completed bool
	// released is closed when the last hold is over; nil without holds.
	released chan struct{}
	changes  Changes
	// since is when the first of the changes arrived; zero if there are none.
	since time.Time
}

// NewInbox returns an empty Inbox.
func NewInbox() *Inbox {
	return &Inbox{pending: make(chan struct{}, 1), complete: make(chan struct{}), changes: NewChanges()}
}

// NewChanges returns Changes to fill in.
func NewChanges() Changes {
	return Changes{Objects: map[object.Key]*object.Object{}, Problems: map[object.Key][]mesh.Problem{}}
}

// Empty reports whether nothing changed.
func (c Changes) Empty() bool { return len(c.Objects)+len(c.Problems) == 0 }

// Put adds changes. Changes of one Put are taken together, so a whole list becomes one change of the World.
func (b *Inbox) Put(c Changes) {
	if c.Empty() {
		return
	}
	b.mu.Lock()
	if b.since.IsZero() {
		b.since = time.Now()
	}
	maps.Copy(b.changes.Objects, c.Objects)
	maps.Copy(b.changes.Problems, c.Problems)
	b.mu.Unlock()
	select {
	case b.pending <- struct{}{}:
	default:
	}
}

// Complete reports that everything in the source was put in. No World is built before. Further calls do nothing.
func (b *Inbox) Complete() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.completed = true
	b.completeIfFree()
}

// hold delays Complete until the returned function was called. It must be called before Complete, and once.
func (b *Inbox) hold() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held++
	if b.released == nil {
		b.released = make(chan struct{})
	}
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.held--; b.held == 0 {
			close(b.released)
		}
		b.completeIfFree()
	})
}

// awaitRelease waits until no holds are left, or ctx ends.
func (b *Inbox) awaitRelease(ctx context.Context) {
	b.mu.Lock()
	released := b.released
	b.mu.Unlock()
	if released == nil {
		return
	}
	select {
	case <-released:
	case <-ctx.Done():
	}
}

// completeIfFree closes complete once nothing is missing. The caller holds mu.
func (b *Inbox) completeIfFree() {
	if !b.completed || b.held > 0 {
		return
	}
	select {
	case <-b.complete:
	default:
		close(b.complete)
	}
}

// Completed returns a channel that Complete closes.
func (b *Inbox) Completed() <-chan struct{} { return b.complete }

// Pending returns a channel that has a value if there may be something to take.
func (b *Inbox) Pending() <-chan struct{} { return b.pending }

// Take empties the inbox, and returns when the first of the changes arrived; zero if there are none.
func (b *Inbox) Take() (Changes, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken, arrived := b.changes, b.since
	b.changes, b.since = NewChanges(), time.Time{}
	return taken, arrived
}

// TakeRemote takes only what is about remote clusters. The rest stays.
func (b *Inbox) TakeRemote() Changes {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := NewChanges()
	move(b.changes.Objects, taken.Objects)
	move(b.changes.Problems, taken.Problems)
	return taken
}

func move[V any](from, to map[object.Key]V) {
	for key, v := range from {
		if key.Cluster != "" {
			to[key] = v
			delete(from, key)
		}
	}
}

// takeProblems takes only Problems. The objects stay.
func (b *Inbox) takeProblems() Changes {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := NewChanges()
	taken.Problems, b.changes.Problems = b.changes.Problems, taken.Problems
	return taken
}
