package status

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	// interval is the least time between two looks. What is to be written must be the same in two looks, so that what passes by
	// is not written.
	interval = time.Second
	// dutyCycle is the part of the time, one in so many, that looks may take.
	dutyCycle = 20
	// errorBackoff follows a failure: a right or a definition that is missing, or an API server that is away.
	errorBackoff = 10 * time.Second
	// relistInterval is how often all objects are listed: others may have removed what was written.
	relistInterval = 10 * time.Minute
	// minWriteInterval is the least time between two writes to one object.
	minWriteInterval = 5 * time.Second
	// requestsPerSecond and requestBurst bound requests for single objects.
	requestsPerSecond, requestBurst = 20, 20
)

// Store says what there is to write.
type Store interface {
	Ready() <-chan struct{}
	Current() *snapshot.Snapshot
	ObjectSyncs() []serving.ObjectSync
	StatusRevision() uint64
}

var _ Store = (*serving.Store)(nil)

// Options of a Writer. All but Namespaces and Registry are needed.
type Options struct {
	Store   Store
	Dynamic dynamic.Interface
	// Namespaces are those whose objects are watched; empty means all.
	Namespaces []string
	// LeaseNamespace and LeaseName say which Lease its holder writes under, and Identity who this replica is.
	LeaseNamespace, LeaseName, Identity string
	Logger                              *slog.Logger
	Registry                            prometheus.Registerer
}

// Writer is the one who writes to objects. What is below denied belongs to the goroutine of look.
type Writer struct {
	Options

	counters *counters
	limit    *rate.Limiter
	leading  atomic.Bool

	// leaseError is why the Lease could not be had, as it was last logged. It belongs to the goroutine of elect.
	leaseError string

	// observed is what objects say, by fingerprint; desired what they were to say in the look before. listedAt is when have was read.
	observed, desired map[mesh.Ref]string
	listedAt          time.Time
	// writtenAt is when objects were written that must not be again just yet.
	writtenAt map[mesh.Ref]time.Time
	// emitted are the remarks of which there was an Event.
	emitted map[mesh.Ref]map[eventKey]struct{}
	// revision and upToDate: what the last look was at, and that it left nothing to be done.
	revision uint64
	upToDate bool
	// lastError is what was logged last; eventsForbidden says that it was logged that there can be no Events.
	lastError       string
	eventsForbidden bool
}

// New makes a Writer.
func New(o Options) *Writer {
	return &Writer{
		Options: o, counters: newCounters(o.Registry), limit: rate.NewLimiter(requestsPerSecond, requestBurst),
		observed: map[mesh.Ref]string{}, writtenAt: map[mesh.Ref]time.Time{}, desired: map[mesh.Ref]string{}, emitted: map[mesh.Ref]map[eventKey]struct{}{},
	}
}

// Run writes until ctx ends. What goes wrong is logged and tried again: serving does not depend on it.
func (w *Writer) Run(ctx context.Context) error {
	select {
	case <-w.Store.Ready():
	case <-ctx.Done():
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.elect(ctx) })
	group.Go(func() error { return w.reconcileLoop(ctx) })
	return group.Wait()
}

func (w *Writer) reconcileLoop(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		err := w.reconcile(ctx)
		if ctx.Err() != nil {
			return nil
		}
		w.logFailure(err)
		wait := max(interval, dutyCycle*time.Since(began))
		if err != nil {
			wait = max(wait, errorBackoff)
		}
		next.Reset(wait)
	}
}

// logFailure logs a failure, and not while the same one repeats.
func (w *Writer) logFailure(err error) {
	if err == nil {
		w.lastError = ""
		return
	}
	w.counters.failed()
	key := failureKey(err)
	if key != w.lastError {
		w.Logger.Warn("conditions and events are not written; serving continues", "error", err)
	}
	w.lastError = key
}

// failureKey is what tells a failure from others, so that each is logged once; empty for none.
func failureKey(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return string(apierrors.ReasonForError(err)) // The text may name an object.
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// reconcile writes what is to be said and is not said yet.
func (w *Writer) reconcile(ctx context.Context) error {
	leading, revision := w.leading.Load(), w.Store.StatusRevision()
	if !leading {
		w.listedAt = time.Time{}
	}
	stale := leading && time.Since(w.listedAt) > relistInterval
	if w.upToDate && revision == w.revision && !stale {
		return nil
	}
	w.revision, w.upToDate = revision, true
	current := w.Store.Current()
	if !current.World().StoredAt.IsZero() {
		return nil // What is served may be old, and who wrote last knew better.
	}
	all := reports(current, w.Store.ObjectSyncs())
	w.prune(all)
	if !leading {
		return w.reconcileAsFollower(ctx, all)
	}
	if stale {
		if err := w.relist(ctx); err != nil {
			w.upToDate = false
			return err
		}
		w.listedAt = time.Now()
	}
	return w.reconcileAsLeader(ctx, all)
}

// prune drops what is known of objects that are gone.
func (w *Writer) prune(all []report) {
	there := make(map[mesh.Ref]struct{}, len(all))
	for _, r := range all {
		there[r.rule.Ref] = struct{}{}
	}
	maps.DeleteFunc(w.writtenAt, func(_ mesh.Ref, at time.Time) bool { return time.Since(at) >= minWriteInterval })
	for ref := range w.emitted {
		if _, ok := there[ref]; !ok {
			delete(w.emitted, ref)
		}
	}
}

// reconcileAsLeader writes conditions, and with those that it writes, Events.
func (w *Writer) reconcileAsLeader(ctx context.Context, all []report) error {
	before := w.desired
	w.desired = make(map[mesh.Ref]string, len(all))
	for _, r := range all {
		w.desired[r.rule.Ref] = r.fingerprint()
	}
	for _, r := range all {
		now := r.fingerprint()
		if w.observed[r.rule.Ref] == now {
			continue
		}
		w.upToDate = false
		if before[r.rule.Ref] != now || time.Since(w.writtenAt[r.rule.Ref]) < minWriteInterval {
			continue
		}
		if !w.leading.Load() {
			return nil // The Lease was lost meanwhile: a look may take minutes.
		}
		if err := w.reconcileObject(ctx, r); err != nil {
			return err
		}
	}
	return w.removeStaleConditions(ctx)
}

func (w *Writer) reconcileObject(ctx context.Context, r report) error {
	if err := w.limit.Wait(ctx); err != nil {
		return err
	}
	object, err := w.write(ctx, r)
	if err != nil || object == nil {
		return err
	}
	w.writtenAt[r.rule.Ref] = time.Now()
	// Without a right to write Events, conditions are still written.
	if err := w.emit(ctx, object, r, true); err != nil && ctx.Err() == nil && !w.eventsForbidden {
		w.eventsForbidden = true
		w.Logger.Warn("cannot write events", "error", err)
	}
	return nil
}

// removeStaleConditions takes conditions from objects that are there and concern us no more.
func (w *Writer) removeStaleConditions(ctx context.Context) error {
	for ref := range w.observed {
		if _, wanted := w.desired[ref]; wanted {
			continue
		}
		w.upToDate = false
		if !w.leading.Load() {
			return nil
		}
		if err := w.limit.Wait(ctx); err != nil {
			return err
		}
		if err := w.removeConditions(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// reconcileAsFollower write Events of what their own clients refuse.
func (w *Writer) reconcileAsFollower(ctx context.Context, all []report) error {
	for _, r := range all {
		if !w.hasEvents(r, false) {
			w.emitted[r.rule.Ref] = keys(r.events(false))
			continue
		}
		if err := w.limit.Wait(ctx); err != nil {
			return err
		}
		object, err := w.read(ctx, r.rule.Ref)
		if err != nil {
			w.upToDate = false
			return err
		}
		if object == nil {
			continue
		}
		if err := w.emit(ctx, object, r, false); err != nil {
			w.upToDate = false
			return err
		}
	}
	return nil
}

func keys(events map[eventKey]string) map[eventKey]struct{} {
	set := make(map[eventKey]struct{}, len(events))
	for about := range events {
		set[about] = struct{}{}
	}
	return set
}
