package kube

import (
	"context"
	"sync"
	"time"
)

// maxPresenceWait is how long an informer waits for another to look again. It is longer than any backoff.
const maxPresenceWait = 4 * time.Second

// crdPresence says what is known of a kind to another informer that must not get ahead of this one.
//
// When the definitions of Istio's kinds are installed together with objects, each informer notices at its own next
// attempt. A VirtualService that names subsets would then fail calls until the DestinationRule that declares them is
// seen. So VirtualServices that appear late wait until DestinationRules have been looked for once more.
type crdPresence struct {
	// mu protects the fields below.
	mu sync.Mutex
	// attempts to read the kind so far, and whether the last one found it absent. attempt is closed by the next one.
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

// count is the number of attempts so far. A nil presence has none.
func (p *crdPresence) count() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attempts
}

// await returns at once when the kind was found since that many attempts, else after the next one. It gives up after maxLead,
// for a kind that was there all the time needs no further attempt, or when ctx ends. A nil presence is not waited for.
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
