package watch

import (
	"maps"
	"sync"
	"time"
)

// inbox holds, between the informers and the assembler, the latest state of each object that changed.
type inbox struct {
	// poke has a value when there may be something to take.
	poke chan struct{}

	// mu protects changes: the objects by key, nil for one that is gone.
	mu      sync.Mutex
	changes map[objectKey]*object
	// since is when the first of them came; zero while there are none.
	since time.Time
	// arrived is when the first of those came that were taken last. It belongs to who takes.
	arrived time.Time
}

func newInbox() *inbox {
	return &inbox{poke: make(chan struct{}, 1), changes: map[objectKey]*object{}}
}

// put records changes. They are taken together, so that a whole list becomes one change of the World.
func (b *inbox) put(changes map[objectKey]*object) {
	if len(changes) == 0 {
		return
	}
	b.mu.Lock()
	if b.since.IsZero() {
		b.since = time.Now()
	}
	maps.Copy(b.changes, changes)
	b.mu.Unlock()
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// forget has objects go of which nothing has come.
func (b *inbox) forget(keys []objectKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		if _, ok := b.changes[key]; !ok {
			b.changes[key] = nil
		}
	}
}

// take empties the inbox.
func (b *inbox) take() map[objectKey]*object {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.changes
	b.arrived, b.since = b.since, time.Time{}
	b.changes = map[objectKey]*object{}
	return taken
}
