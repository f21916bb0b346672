package main

import (
	"context"
	"sync"
	"time"
)

// ledger has the changes that have not reached all of their subscribers.
type ledger struct {
	mu      sync.Mutex
	open    map[subject][]*change
	pending int
	// idle is closed when nothing is pending.
	idle chan struct{}
}

// subject is what is changed: the routes or the endpoints of a service, or policies.
type subject struct {
	kind    kind
	service int
}

// policiesSubject is all policies.
var policiesSubject = subject{routes, everyPolicy}

// change is a change of one object.
type change struct {
	subject subject
	marker  int
	// began and written are the start and the end of the write.
	began, written time.Time
	due            int
	receipts       []time.Time
}

func newLedger() *ledger { return &ledger{open: map[subject][]*change{}} }

// announce registers a change before it is written, with the number of streams that must receive it.
func (l *ledger) announce(c *change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.due == 0 {
		return
	}
	if l.pending == 0 {
		l.idle = make(chan struct{})
	}
	l.pending += c.due
	l.open[c.subject] = append(l.open[c.subject], c)
}

// received records that a stream has gone from one state to another. It has then also received all changes in between.
func (l *ledger) received(s subject, before, now int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.open[s][:0]
	for _, c := range l.open[s] {
		if before < c.marker && c.marker <= now {
			c.receipts = append(c.receipts, at)
			c.due--
			if l.pending--; l.pending == 0 {
				close(l.idle)
			}
		}
		if c.due > 0 {
			kept = append(kept, c)
		}
	}
	l.open[s] = kept
}

// wait waits until nothing is pending, and returns how many receipts are missing at the timeout. Missing receipts are
// dropped.
func (l *ledger) wait(ctx context.Context, timeout time.Duration) (missing int) {
	l.mu.Lock()
	idle, pending := l.idle, l.pending
	l.mu.Unlock()
	if pending == 0 {
		return 0
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-idle:
		return 0
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	missing, l.pending, l.open = l.pending, 0, map[subject][]*change{}
	return missing
}
