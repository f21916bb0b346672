package watch

import (
	"context"
	"sync"
)

// presence says whether a kind is there, for another informer that must not get ahead of this one.
//
// When the definitions of Istio's kinds are installed together with objects, each informer notices at its own next
// attempt. A VirtualService that names subsets would then fail calls until the DestinationRule that declares them is
// seen. So VirtualServices that appear late wait until DestinationRules have been looked for once more.
type presence struct {
	// mu protects the fields below.
	mu      sync.Mutex
	absent  bool
	attempt chan struct{}
}

func newPresence() *presence { return &presence{attempt: make(chan struct{})} }

// note records the outcome of an attempt to read the kind.
func (p *presence) note(absent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.absent = absent
	close(p.attempt)
	p.attempt = make(chan struct{})
}

// await returns at once when the kind is there, else after the next attempt to read it, or when ctx ends.
func (p *presence) await(ctx context.Context) {
	p.mu.Lock()
	absent, attempt := p.absent, p.attempt
	p.mu.Unlock()
	if !absent {
		return
	}
	select {
	case <-attempt:
	case <-ctx.Done():
	}
}
