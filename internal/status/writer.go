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
	// share is the part of the time, one in so many, that looks may take.
	share = 20
	// pause follows a failure: a right or a definition that is missing, or an API server that is away.
	pause = 10 * time.Second
	// relearn is how often all objects are listed: others may have removed what was written.
	relearn = 10 * time.Minute
	// gap is the least time between two writes to one object.
	gap = 5 * time.Second
	// perSecond and burst bound requests for single objects.
	perSecond, burst = 20, 20
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

	// denied is why the Lease could not be had, as it was last logged. It belongs to the goroutine of elect.
	denied string

	// have is what objects say, by fingerprint; last what they were to say in the look before. learned is when have was read.
	have, last map[mesh.Ref]string
	learned    time.Time
	// wrote is when objects were written that must not be again just yet.
	wrote map[mesh.Ref]time.Time
	// spoken are the remarks of which there was an Event.
	spoken map[mesh.Ref]map[eventKey]struct{}
	// stirs and calm: what the last look was at, and that it left nothing to be done.
	stirs uint64
	calm  bool
	// complaint is what was logged last; speechless says that it was logged that there can be no Events.
	complaint  string
	speechless bool
}

// New makes a Writer.
func New(o Options) *Writer {
	return &Writer{
		Options: o, counters: newCounters(o.Registry), limit: rate.NewLimiter(perSecond, burst),
		have: map[mesh.Ref]string{}, wrote: map[mesh.Ref]time.Time{}, last: map[mesh.Ref]string{}, spoken: map[mesh.Ref]map[eventKey]struct{}{},
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
		wait := max(interval, share*time.Since(began))
		if err != nil {
			wait = max(wait, pause)
		}
		next.Reset(wait)
	}
}

// logFailure logs a failure, and not while the same one repeats.
func (w *Writer) logFailure(err error) {
	if err == nil {
		w.complaint = ""
		return
	}
	w.counters.failed()
	complaint := reason(err)
	if complaint != w.complaint {
		w.Logger.Warn("conditions and events are not written; serving continues", "error", err)
	}
	w.complaint = complaint
}

// reason is what tells a failure from others, so that each is logged once; empty for none.
func reason(err error) string {
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
	leading, stirs := w.leading.Load(), w.Store.StatusRevision()
	if !leading {
		w.learned = time.Time{}
	}
	stale := leading && time.Since(w.learned) > relearn
	if w.calm && stirs == w.stirs && !stale {
		return nil
	}
	w.stirs, w.calm = stirs, true
	current := w.Store.Current()
	if !current.World().StoredAt.IsZero() {
		return nil // What is served may be old, and who wrote last knew better.
	}
	all := reports(current, w.Store.ObjectSyncs())
	w.forget(all)
	if !leading {
		return w.reconcileAsFollower(ctx, all)
	}
	if stale {
		if err := w.relist(ctx); err != nil {
			w.calm = false
			return err
		}
		w.learned = time.Now()
	}
	return w.reconcileAsLeader(ctx, all)
}

// forget drops what is known of objects that are gone.
func (w *Writer) forget(all []report) {
	there := make(map[mesh.Ref]struct{}, len(all))
	for _, r := range all {
		there[r.rule.Ref] = struct{}{}
	}
	maps.DeleteFunc(w.wrote, func(_ mesh.Ref, at time.Time) bool { return time.Since(at) >= gap })
	for ref := range w.spoken {
		if _, ok := there[ref]; !ok {
			delete(w.spoken, ref)
		}
	}
}

// reconcileAsLeader writes conditions, and with those that it writes, Events.
func (w *Writer) reconcileAsLeader(ctx context.Context, all []report) error {
	before := w.last
	w.last = make(map[mesh.Ref]string, len(all))
	for _, r := range all {
		w.last[r.rule.Ref] = r.fingerprint()
	}
	for _, r := range all {
		now := r.fingerprint()
		if w.have[r.rule.Ref] == now {
			continue
		}
		w.calm = false
		if before[r.rule.Ref] != now || time.Since(w.wrote[r.rule.Ref]) < gap {
			continue
		}
		if !w.leading.Load() {
			return nil // The Lease was lost meanwhile: a look may take minutes.
		}
		if err := w.reconcileObject(ctx, r); err != nil {
			return err
		}
	}
	return w.withdrawGone(ctx)
}

func (w *Writer) reconcileObject(ctx context.Context, r report) error {
	if err := w.limit.Wait(ctx); err != nil {
		return err
	}
	object, err := w.write(ctx, r)
	if err != nil || object == nil {
		return err
	}
	w.wrote[r.rule.Ref] = time.Now()
	// Without a right to write Events, conditions are still written.
	if err := w.emit(ctx, object, r, true); err != nil && ctx.Err() == nil && !w.speechless {
		w.speechless = true
		w.Logger.Warn("cannot write events", "error", err)
	}
	return nil
}

// withdrawGone takes conditions from objects that are there and concern us no more.
func (w *Writer) withdrawGone(ctx context.Context) error {
	for ref := range w.have {
		if _, wanted := w.last[ref]; wanted {
			continue
		}
		w.calm = false
		if !w.leading.Load() {
			return nil
		}
		if err := w.limit.Wait(ctx); err != nil {
			return err
		}
		if err := w.withdraw(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// reconcileAsFollower write Events of what their own clients refuse.
func (w *Writer) reconcileAsFollower(ctx context.Context, all []report) error {
	for _, r := range all {
		if !w.hasEvents(r, false) {
			w.spoken[r.rule.Ref] = keys(r.events(false))
			continue
		}
		if err := w.limit.Wait(ctx); err != nil {
			return err
		}
		object, err := w.read(ctx, r.rule.Ref)
		if err != nil {
			w.calm = false
			return err
		}
		if object == nil {
			continue
		}
		if err := w.emit(ctx, object, r, false); err != nil {
			w.calm = false
			return err
		}
	}
	return nil
}

func keys(remarks map[eventKey]string) map[eventKey]struct{} {
	set := make(map[eventKey]struct{}, len(remarks))
	for about := range remarks {
		set[about] = struct{}{}
	}
	return set
}
