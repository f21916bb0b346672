package signer

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/authority"
)

const (
	// interval is how often the Secrets and the bundle are read.
	interval = 10 * time.Second
	// errorInterval follows a failure.
	errorInterval = 2 * time.Second
	// ahead is how much longer leaves may live than was needed, whenever that is recorded: so it is recorded about once
	// an hour and not with each leaf.
	ahead = time.Hour
	// maxSteps bounds the decisions in a row: what was published makes another decision.
	maxSteps = 4
)

var (
	// errNoAuthority is why a request waits.
	errNoAuthority = errors.New("no authority may sign")
	// errUnrecorded is why an authority stops signing: another replica has dropped its root from the State.
	errUnrecorded = errors.New("the root of the authority is not recorded")
	// errUnsettled is a state or bundle that is not as it was written.
	errUnsettled = errors.New("the state and the trust bundle change with each attempt: another signer may be running")
)

// keeper reads what there is, does what authority.Decide says, and signs. Every replica reads; the leader writes and
// signs.
type keeper struct {
	Options

	metrics *metrics
	// again is called when an authority may sign and none might before.
	again func()
	// wake asks for a reconciliation now.
	wake chan struct{}

	// Only run uses these: what was logged last, and what the last Event told.
	parser        *parser
	failure       failure
	problem, told string
	step          authority.Step

	// writing is held while the State is read and written, so that only other replicas can be faster. It is taken before
	// mu.
	writing sync.Mutex
	// mu protects the fields below. No request is sent under it.
	mu      sync.Mutex
	leading bool
	// signing is the authority that may sign; nil if none may. stored is the State in the cluster that permits it, as last
	// read or written.
	signing *authority.Authority
	stored  storedState
	// missed is true if a request was not answered because there was no authority, or this replica did not lead.
	missed bool
}

func newKeeper(o Options, m *metrics, again func()) *keeper {
	return &keeper{Options: o, metrics: m, again: again, wake: make(chan struct{}, 1), step: authority.StepNone, parser: &parser{trustDomain: o.TrustDomain}}
}

// run reconciles until ctx ends.
func (k *keeper) run(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-k.wake:
		case <-ctx.Done():
			return nil
		}
		wait := interval
		until, err := k.reconcile(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			wait = errorInterval
			k.metrics.failures.WithLabelValues(failedAuthority).Inc()
		}
		if k.failure.isNew(err) {
			k.Logger.Warn("cannot read or write the authority, its state or the trust bundle; what was decided stays in effect", "error", err)
		}
		if left := time.Until(until); !until.IsZero() && left > 0 {
			wait = min(wait, left+time.Millisecond)
		}
		next.Reset(wait)
	}
}

// lead records whether this replica leads. A new leader signs after its first reconciliation.
func (k *keeper) lead(now bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leading == now {
		return
	}
	k.leading, k.signing, k.missed = now, nil, true
	set(k.metrics.leader, now)
	set(k.metrics.signing, false)
	k.poke()
}

func (k *keeper) isLeading() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.leading
}

// sign signs a leaf for a service account.
func (k *keeper) sign(ctx context.Context, key *ecdsa.PublicKey, namespace, account string, lifetime time.Duration) (leaf authority.Leaf, id string, err error) {
	now := time.Now()
	a, err := k.permit(ctx, now, lifetime)
	if err != nil {
		return leaf, "", err
	}
	id = a.ID(namespace, account)
	leaf, err = a.Sign(key, id, now, lifetime)
	return leaf, id, err
}

// permit returns the authority for a leaf, after it has recorded for how long its root is needed.
func (k *keeper) permit(ctx context.Context, now time.Time, lifetime time.Duration) (*authority.Authority, error) {
	if a, _, end := k.current(now, lifetime); a == nil || end.IsZero() {
		return a, noneIf(a == nil)
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	a, stored, end := k.current(now, lifetime) // Another request may have recorded enough.
	if a == nil || end.IsZero() {
		return a, noneIf(a == nil)
	}
	next := stored.Allow(a, end.Add(ahead))
	if !next.Allows(a, end) {
		k.use(storedState{}, nil)
		k.poke()
		return nil, errUnrecorded
	}
	if _, err := k.store(ctx, stored, next); err != nil {
		// Another replica may have written it. The State is read again before the next leaf is signed.
		k.use(stored, nil)
		k.poke()
		return nil, fmt.Errorf("record how long leaves live: %w", err)
	}
	return a, nil
}

// current returns the authority that may sign now, the State, and until when that must state that leaves live; zero if it
// does.
func (k *keeper) current(now time.Time, lifetime time.Duration) (a *authority.Authority, stored storedState, end time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signing == nil || k.signing.Usable(now) != nil {
		k.missed = true
		return nil, storedState{}, time.Time{}
	}
	if end = k.signing.Ends(now, lifetime); k.stored.Allows(k.signing, end) {
		end = time.Time{}
	}
	return k.signing, k.stored, end
}

func noneIf(none bool) error {
	if none {
		return errNoAuthority
	}
	return nil
}

// poke asks for a reconciliation now.
func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// reconcile reads everything, decides, and if this replica leads, does what was decided. It returns when the next step
// is due.
func (k *keeper) reconcile(ctx context.Context) (until time.Time, err error) {
	seen, d, waited, err := k.settle(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if waited {
		k.again()
	}
	k.report(ctx, seen, d)
	return d.Until, nil
}

// settle does what was decided until nothing is left to do. It reports whether requests have waited for the authority.
func (k *keeper) settle(ctx context.Context) (seen *Seen, d authority.Decision, waited bool, err error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	if seen, err = read(ctx, k.Cluster, k.Namespace, k.parser); err != nil {
		return nil, d, false, err
	}
	leading := k.isLeading()
	d = seen.Decide(time.Now(), k.Waits)
	for range maxSteps {
		if !leading {
			return seen, d, false, nil
		}
		changed, err := k.apply(ctx, seen, d)
		if err != nil {
			return nil, d, false, err
		}
		if !changed {
			return seen, d, k.use(seen.stored, d.Signing), nil
		}
		d = seen.Decide(time.Now(), k.Waits)
	}
	return nil, d, false, errUnsettled
}

// use makes an authority the one that signs, as the State permits, and reports whether requests have waited for it.
func (k *keeper) use(stored storedState, a *authority.Authority) (waited bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.leading {
		a = nil // The Lease was lost meanwhile.
	}
	waited = a != nil && k.missed
	k.signing, k.stored, k.missed = a, stored, k.missed && a == nil
	set(k.metrics.signing, a != nil)
	return waited
}
