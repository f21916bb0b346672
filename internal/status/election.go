package status

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// How the Lease is held: a leader that dies is followed after leaseDuration, one that ends within retryPeriod and its spread.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// jitter is by which share more, at most, those wait who do not lead, so that they do not all ask at once.
	jitter = 1.2
)

// elect keeps asking for the Lease until ctx ends, and then gives it back.
func (w *Writer) elect(ctx context.Context) error {
	l := &lease{client: w.Dynamic.Resource(leases).Namespace(w.LeaseNamespace), name: w.LeaseName, identity: w.Identity}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			w.releaseLease(ctx, l)
			return nil
		}
		again.Reset(w.tryAcquireOrRenew(ctx, l))
	}
}

// tryAcquireOrRenew asks once for the Lease and says when to ask again.
func (w *Writer) tryAcquireOrRenew(ctx context.Context, l *lease) time.Duration {
	// Who leads does so until then without an answer; somebody else may from leaseDuration on.
	deadline := time.Now().Add(renewDeadline)
	if w.leading.Load() {
		deadline = l.renewed.Add(renewDeadline)
	}
	asking, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	held, err := l.acquireOrRenew(asking)
	if ctx.Err() != nil {
		return 0
	}
	if now := failureKey(err); err != nil && now != w.leaseError {
		w.Logger.Warn("cannot acquire or renew the lease; conditions are not written", "error", err)
		w.leaseError = now
	}
	switch {
	case held:
		w.leaseError = ""
		w.setLeading(true)
	case err == nil || asking.Err() != nil:
		w.setLeading(false)
	}
	if w.leading.Load() {
		return min(retryPeriod, time.Until(l.renewed.Add(renewDeadline)))
	}
	return wait.Jitter(retryPeriod, jitter)
}

// releaseLease ends leading, if this replica does. The process ends no later for an API server that does not answer: the Lease expires anyway.
func (w *Writer) releaseLease(ctx context.Context, l *lease) {
	w.setLeading(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryPeriod)
	defer cancel()
	if err := l.release(ctx); err != nil {
		w.Logger.Warn("the lease was not released; another replica can acquire it when it expires", "error", err)
	}
}

// setLeading notes whether this replica holds the Lease.
func (w *Writer) setLeading(now bool) {
	if w.leading.Swap(now) != now {
		w.Logger.Info("leadership changed", "leading", now, "lease", w.LeaseNamespace+"/"+w.LeaseName)
	}
	w.counters.setLeader(now)
}
