package status

import (
	"context"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Timing of the Lease. If a leader dies, another replica leads after leaseDuration; if it ends in order, within
// retryPeriod and jitter.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// jitter is the largest part of retryPeriod that is added at random for replicas that do not lead, so that they do
	// not all send requests at once.
	jitter = 1.2
)

// elect tries to acquire or renew the Lease until ctx ends, and then releases it.
func (w *Writer) elect(ctx context.Context) error {
	l := &lease{client: w.Dynamic.Resource(leases).Namespace(w.LeaseNamespace), name: w.LeaseName, identity: w.Identity}
	known := &peers{}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			w.releaseLease(ctx, l)
			return nil
		}
		again.Reset(w.tryAcquireOrRenew(ctx, l, known))
	}
}

// tryAcquireOrRenew makes one attempt and returns the time until the next. The leader takes what the other replicas tell
// in the Lease; another replica tells it what concerns its own clients.
func (w *Writer) tryAcquireOrRenew(ctx context.Context, l *lease, known *peers) time.Duration {
	// Without a response, the leader leads until the deadline. Another replica can lead leaseDuration after the last
	// renewal.
	deadline := time.Now().Add(renewDeadline)
	if w.leading.Load() {
		deadline = l.renewed.Add(renewDeadline)
	}
	attempt, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	held, err := l.acquireOrRenew(attempt)
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
		w.takeFromPeers(known.current(l.object, peerKey(w.Identity)))
		w.setLeading(true)
	case err == nil || attempt.Err() != nil:
		w.setLeading(false)
	}
	if own := w.findings.Load(); !held && err == nil && own != nil {
		if err := l.tell(attempt, known, *own); err != nil && !apierrors.IsConflict(err) {
			w.Logger.Debug("cannot tell the leader what concerns clients", "error", err)
		}
	}
	if w.leading.Load() {
		return min(retryPeriod, time.Until(l.renewed.Add(renewDeadline)))
	}
	return wait.Jitter(retryPeriod, jitter)
}

// releaseLease ends this replica's leadership. It does not wait long for an API server that does not respond, because
// the Lease expires anyway.
func (w *Writer) releaseLease(ctx context.Context, l *lease) {
	w.setLeading(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryPeriod)
	defer cancel()
	if err := l.release(ctx); err != nil {
		w.Logger.Warn("the lease was not released; another replica can acquire it when it expires", "error", err)
	}
}

// takeFromPeers records what the other replicas tell.
func (w *Writer) takeFromPeers(found []finding) {
	if before := w.fromPeers.Load(); before == nil || !reflect.DeepEqual(*before, found) {
		w.fromPeers.Store(&found)
	}
}

// setLeading records whether this replica owns the Lease.
func (w *Writer) setLeading(now bool) {
	if w.leading.Swap(now) != now {
		w.Logger.Info("leadership changed", "leading", now, "lease", w.LeaseNamespace+"/"+w.LeaseName)
	}
	w.counters.setLeader(now)
}
