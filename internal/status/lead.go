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
	// spread is by which share more, at most, those wait who do not lead, so that they do not all ask at once.
	spread = 1.2
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
			w.resign(ctx, l)
			return nil
		}
		again.Reset(w.seek(ctx, l))
	}
}

// seek asks once for the Lease and says when to ask again.
func (w *Writer) seek(ctx context.Context, l *lease) time.Duration {
	// Who leads does so until then without an answer; somebody else may from leaseDuration on.
	deadline := time.Now().Add(renewDeadline)
	if w.leading.Load() {
		deadline = l.renewed.Add(renewDeadline)
	}
	asking, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	held, err := l.take(asking)
	if ctx.Err() != nil {
		return 0
	}
	if now := reason(err); err != nil && now != w.denied {
		w.Logger.Warn("cannot acquire or renew the lease; conditions are not written", "error", err)
		w.denied = now
	}
	switch {
	case held:
		w.denied = ""
		w.lead(true)
	case err == nil || asking.Err() != nil:
		w.lead(false)
	}
	if w.leading.Load() {
		return min(retryPeriod, time.Until(l.renewed.Add(renewDeadline)))
	}
	return wait.Jitter(retryPeriod, spread)
}

// resign ends leading, if this replica does. The process ends no later for an API server that does not answer: the Lease expires anyway.
func (w *Writer) resign(ctx context.Context, l *lease) {
	w.lead(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryPeriod)
	defer cancel()
	if err := l.release(ctx); err != nil {
		w.Logger.Warn("the lease was not released; another replica can acquire it when it expires", "error", err)
	}
}

// lead notes whether this replica holds the Lease.
func (w *Writer) lead(now bool) {
	if w.leading.Swap(now) != now {
		w.Logger.Info("leadership changed", "leading", now, "lease", w.LeaseNamespace+"/"+w.LeaseName)
	}
	w.counters.lead(now)
}
