package kube

import (
	"context"
	"sync"
	"time"
)

// maxPresenceWait is how long an informer waits for another kind to be read again. It is longer than any backoff.
const maxPresenceWait = 4 * time.Second

// crdPresence is whether a kind is served, for another informer that must not get ahead of this kind's.
//
// If the definitions of Istio's kinds are installed together with objects, each informer notices at its own next
// attempt. A VirtualService that names subsets would fail calls until the DestinationRule that declares them is read.
// So VirtualServices that appear late wait until DestinationRules were read once more.
type crdPresence struct {
	// mu protects the fields below.
	mu sync.Mutex
	// attempts is how often the kind was read, and absent whether the last attempt found that it is not served. The
	// next attempt closes attempt.
	attempts int
	absent   bool
	attempt  chan struct{}
}

func newCRDPresence() *crdPresence { return &crdPresence{attempt: make(chan struct{})} }

// note records the outcome of an attempt to read the kind.
func (p *crdPresence) note(absent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts++
	p.absent = absent
	close(p.attempt)
	p.attempt = make(chan struct{})
}

// count returns the number of attempts so far; 0 for a nil presence.
func (p *crdPresence) count() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attempts
}

// await returns at once if the kind was found since that number of attempts, else after the next attempt. It returns
// after maxPresenceWait, because a kind that was there all the time needs no further attempt, or when ctx ends. It does
// not wait for a nil presence.
func (p *crdPresence) await(ctx context.Context, since int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	found, attempt := p.attempts > since && !p.absent, p.attempt
	p.mu.Unlock()
	if found {
		return
	}
	expired := time.NewTimer(maxPresenceWait)
	defer expired.Stop()
	select {
	case <-attempt:
	case <-expired.C:
	case <-ctx.Done():
	}
}
