package view

import (
	"context"
	"sync"
	"time"
)

const (
	// rest is how much longer than making a value the pause before the next one is: the most that is spent is a tenth of a core.
	rest = 10
	// maxRest bounds the pause.
	maxRest = 2 * time.Second
)

// kept is a value that takes a look at every client. It is made again for the first request after something changed, and not more
// often than its cost allows: requests wait for that, because a page that was told of a change must not see what was before it.
type kept[T any] struct {
	mu    sync.Mutex
	value *T
	// revision is from before the value was made. made is when it was, and cost how long that took.
	revision uint64
	made     time.Time
	cost     time.Duration
}

// get returns the value of the present revision, or of a later one.
func (k *kept[T]) get(ctx context.Context, revision func() uint64, produce func() *T) *T {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != nil && k.revision == revision() {
		return k.value
	}
	if k.value != nil {
		pause := time.NewTimer(min(rest*k.cost, maxRest) - time.Since(k.made))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
			return k.value // no one reads the answer
		}
	}
	began := time.Now()
	k.revision = revision()
	k.value = produce()
	k.made = time.Now()
	k.cost = k.made.Sub(began)
	return k.value
}
