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
	once     sync.Once

	// mu protects the fields below.
	mu      sync.Mutex
	changes Changes
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
func (b *Inbox) Complete() { b.once.Do(func() { close(b.complete) }) }

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
