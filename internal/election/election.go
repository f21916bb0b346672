package election

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
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

// Options are the settings of an Elector. Changed, Held and Followed may be nil; they are called by Run's goroutine.
type Options struct {
	Dynamic dynamic.Interface
	// Namespace and Name name the Lease. Identity is the name of this replica as its holder.
	Namespace, Name, Identity string
	Logger                    *slog.Logger
	// Changed is called after each attempt that states whether this replica leads, and when Run ends.
	Changed func(leading bool)
	// Held is called after each renewal, and Followed after each attempt that found that another replica leads.
	Held     func(*Lease)
	Followed func(context.Context, *Lease)
}

// Elector competes for a Lease.
type Elector struct {
	Options

	leading atomic.Bool
	// failure is the reason, as last logged, for which the Lease could not be acquired.
	failure string
}

// New makes an Elector.
func New(o Options) *Elector { return &Elector{Options: o} }

// Leading reports whether this replica owns the Lease.
func (e *Elector) Leading() bool { return e.leading.Load() }

// Run tries to acquire or renew the Lease until ctx ends, and then releases it.
func (e *Elector) Run(ctx context.Context) error {
	l := newLease(e.Dynamic, e.Namespace, e.Name, e.Identity)
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			e.release(ctx, l)
			return nil
		}
		again.Reset(e.attempt(ctx, l))
	}
}

// attempt tries once to acquire or renew the Lease, and returns the time until the next attempt.
func (e *Elector) attempt(ctx context.Context, l *Lease) time.Duration {
	// Without a response, the leader leads until the deadline. Another replica can lead leaseDuration after the last
	// renewal.
	deadline := time.Now().Add(renewDeadline)
	if e.leading.Load() {
		deadline = l.renewed.Add(renewDeadline)
	}
	attempt, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	held, err := l.acquireOrRenew(attempt)
	if ctx.Err() != nil {
		return 0
	}
	if now := failureKey(err); err != nil && now != e.failure {
		e.Logger.Warn("cannot acquire or renew the lease; without it this replica does not lead", "lease", e.Namespace+"/"+e.Name, "error", err)
		e.failure = now
	}
	switch {
	case held:
		e.failure = ""
		if e.Held != nil {
			e.Held(l)
		}
		e.setLeading(true)
	case err == nil || attempt.Err() != nil:
		e.setLeading(false)
	}
	if !held && err == nil && e.Followed != nil {
		e.Followed(attempt, l)
	}
	if e.leading.Load() {
		return min(retryPeriod, time.Until(l.renewed.Add(renewDeadline)))
	}
	return wait.Jitter(retryPeriod, jitter)
}

// release ends this replica's leadership. It does not wait long for an API server that does not respond, because the
// Lease expires anyway.
func (e *Elector) release(ctx context.Context, l *Lease) {
	e.setLeading(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryPeriod)
	defer cancel()
	if err := l.release(ctx); err != nil {
		e.Logger.Warn("the lease was not released; another replica can acquire it when it expires", "error", err)
	}
}

// setLeading records whether this replica owns the Lease.
func (e *Elector) setLeading(now bool) {
	if e.leading.Swap(now) != now {
		e.Logger.Info("leadership changed", "leading", now, "lease", e.Namespace+"/"+e.Name)
	}
	if e.Changed != nil {
		e.Changed(now)
	}
}

// failureKey distinguishes a failure from others, so that each is logged once; it is empty for nil.
func failureKey(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return string(apierrors.ReasonForError(err)) // The text may name an object.
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
