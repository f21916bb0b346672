package watch

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Feed reads one source of objects, such as a cluster or a folder. It knows no assembler: what becomes of its objects is decided behind the
// Inbox, where the objects of several feeds can come together.
type Feed interface {
	// Run puts what it reads into the inbox. It returns nil when ctx ends and an error when it cannot go on.
	Run(ctx context.Context, inbox *Inbox) error
}

// Changes are the latest states of what changed in a source.
type Changes struct {
	// Objects are the objects that changed; nil for an object that is gone.
	Objects map[object.Key]*object.Object
	// Problems replace those that the feed found before about the same thing: an object, a file, or the whole source, whose key is zero. They are
	// beside the Problems of the objects themselves.
	Problems map[object.Key][]mesh.Problem
}

// Inbox keeps what a Feed read until the assembler takes it: the latest state of each object that changed.
type Inbox struct {
	// pending has a value when there may be something to take.
	pending chan struct{}
	// complete is closed once everything that the source has was put in.
	complete chan struct{}
	once     sync.Once

	// mu protects the fields below.
	mu      sync.Mutex
	changes Changes
	// since is when the first of them came; zero while there are none.
	since time.Time
}

// NewInbox makes an empty Inbox.
func NewInbox() *Inbox {
	return &Inbox{pending: make(chan struct{}, 1), complete: make(chan struct{}), changes: NewChanges()}
}

// NewChanges returns Changes to fill in.
func NewChanges() Changes {
	return Changes{Objects: map[object.Key]*object.Object{}, Problems: map[object.Key][]mesh.Problem{}}
}

// Empty reports whether nothing changed.
func (c Changes) Empty() bool { return len(c.Objects)+len(c.Problems) == 0 }

// Put adds changes. They are taken together, so that a whole list becomes one change of the World.
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

// Complete tells that everything the source has was put in. Until then no World is made of it. Further calls do nothing.
func (b *Inbox) Complete() { b.once.Do(func() { close(b.complete) }) }

// Completed is closed by Complete.
func (b *Inbox) Completed() <-chan struct{} { return b.complete }

// Pending has a value when there may be something to take.
func (b *Inbox) Pending() <-chan struct{} { return b.pending }

// Take empties the inbox, and tells when the first of the changes came; zero if there are none.
func (b *Inbox) Take() (Changes, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken, arrived := b.changes, b.since
	b.changes, b.since = NewChanges(), time.Time{}
	return taken, arrived
}
