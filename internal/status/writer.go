package status

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/internal/election"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	// interval is the shortest time between two reconciliations. Conditions are written if two in a row want the
	// same, so that a state that passes quickly is not written.
	interval = time.Second
	// dutyCycle limits the time that reconciliations take: they may take one part in so many. But the next one waits no longer than
	// longestPause: most of the time was the API server's.
	dutyCycle    = 20
	longestPause = 10 * time.Second
	// errorBackoff follows a failure, such as a missing right or definition, or an API server that does not respond.
	errorBackoff = 10 * time.Second
	// relistInterval is how often all objects are listed, because other writers may have removed conditions.
	relistInterval = 10 * time.Minute
	// minWriteInterval is the shortest time between two writes to the same object.
	minWriteInterval = 5 * time.Second
	// requestsPerSecond and requestBurst limit requests for single objects.
	requestsPerSecond, requestBurst = 20, 20
)

// Store provides the desired state. StatusRevision changes when anything that conditions are made from may have
// changed.
type Store interface {
	Ready() <-chan struct{}
	Current() *snapshot.Snapshot
	ObjectSyncs() []serving.ObjectSync
	StatusRevision() uint64
}

var _ Store = (*serving.Store)(nil)

// Options are the settings of a Writer. All except Namespaces and Registry are required.
type Options struct {
	Store   Store
	Dynamic dynamic.Interface
	// Namespaces are the namespaces whose objects are written; empty means all.
	Namespaces []string
	// LeaseNamespace and LeaseName name the Lease. Identity is the name of this replica as its holder.
	LeaseNamespace, LeaseName, Identity string
	Logger                              *slog.Logger
	Registry                            prometheus.Registerer
	// Machines are those with a stream to this replica; nil if it does not know them.
	Machines *Machines
	// RolledOut is what the conditions about rollouts are to say; nil if nothing is rolled out.
	RolledOut func() map[mesh.Ref]rollout.Condition
}

// Writer writes conditions and Events. Run has two goroutines: the Elector's, and reconcileLoop, which owns the fields
// from observed on.
type Writer struct {
	Options

	counters *counters
	limit    *rate.Limiter
	elector  *election.Elector
	// findings is what concerns this replica's clients, and fromPeers what the others tell; nil before it is known.
	findings  atomic.Pointer[[]finding]
	fromPeers atomic.Pointer[told]
	// connections are the machines of all replicas, while this one leads.
	connections connections

	// observed has the fingerprint of the conditions that each object has; desired has the fingerprints that the last
	// reconciliation wanted. listedAt is when observed was listed; zero if this replica does not lead.
	observed, desired map[mesh.Ref]string
	listedAt          time.Time
	// writtenAt has the times of the writes within the last minWriteInterval.
	writtenAt map[mesh.Ref]time.Time
	// emitted has the Events that were written for each object and still apply.
	emitted map[mesh.Ref]map[eventKey]struct{}
	// revision is the Store's revision at the last reconciliation; upToDate is true if that left nothing to do.
	revision uint64
	upToDate bool
	// rolledOut is what RolledOut returned for the last reconciliation.
	rolledOut map[mesh.Ref]rollout.Condition
	// peersTaken is what of fromPeers the last reconciliation used.
	peersTaken *told
	// lastError is the failure that was logged last. eventsForbidden is true after it was logged that Events cannot
	// be written.
	lastError       string
	eventsForbidden bool
}

// New makes a Writer.
func New(o Options) *Writer {
	w := &Writer{
		Options: o, counters: newCounters(o.Registry), limit: rate.NewLimiter(requestsPerSecond, requestBurst),
		desired: map[mesh.Ref]string{}, observed: map[mesh.Ref]string{}, writtenAt: map[mesh.Ref]time.Time{},
		emitted: map[mesh.Ref]map[eventKey]struct{}{},
	}
	w.elector = w.newElector()
	return w
}

// Leading reports whether this replica writes the conditions.
func (w *Writer) Leading() bool { return w.elector.Leading() }

// PeerRefusals returns why clients of other replicas rejected an object, as far as they told.
func (w *Writer) PeerRefusals(of mesh.Ref) (lines []string) {
	if told := w.fromPeers.Load(); told != nil {
		for _, f := range told.findings {
			if f.Object == of && f.Reason == string(mesh.CodeRefused) {
				lines = append(lines, f.Lines...)
			}
		}
	}
	return lines
}

// Run reconciles until ctx ends. Failures are logged and retried, because serving does not depend on the status.
func (w *Writer) Run(ctx context.Context) error {
	select {
	case <-w.Store.Ready():
	case <-ctx.Done():
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.elector.Run(ctx) })
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
		wait := pauseAfter(time.Since(began))
		if err != nil {
			wait = max(wait, errorBackoff)
		}
		next.Reset(wait)
	}
}

// pauseAfter returns how long the next reconciliation waits after one that took so long.
func pauseAfter(took time.Duration) time.Duration {
	return max(interval, min(dutyCycle*took, longestPause))
}

// logFailure logs a failure once while it repeats.
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

// reconcile writes the desired conditions where they differ from the observed ones. It does nothing if nothing has
// changed.
func (w *Writer) reconcile(ctx context.Context) error {
	leading, revision := w.elector.Leading(), w.Store.StatusRevision()
	if !leading {
		w.listedAt = time.Time{}
	}
	relistDue := leading && time.Since(w.listedAt) > relistInterval
	told, moved := w.takeSides(leading)
	if w.upToDate && revision == w.revision && !relistDue && !moved && (!leading || told == w.peersTaken) {
		return nil
	}
	w.revision, w.upToDate, w.peersTaken = revision, true, told
	current := w.Store.Current()
	if !current.World().StoredAt.IsZero() {
		return nil // The restored state may be older than the conditions on the objects.
	}
	all := reports(current, w.Store.ObjectSyncs(), w.connections.has, w.rolledOut)
	w.prune(all)
	own := findings(all)
	w.findings.Store(&own)
	if !leading {
		return w.reconcileAsFollower(ctx, all)
	}
	if relistDue {
		if err := w.relist(ctx); err != nil {
			w.upToDate = false
			return err
		}
		w.listedAt = time.Now()
	}
	if told != nil {
		withPeers(all, slices.Clone(told.findings))
	}
	return w.reconcileAsLeader(ctx, all)
}

// takeSides reads the inputs of conditions that no World has: what the other replicas report, the connected machines, and the rollouts. It reports whether conditions
// may change because of the latter two.
func (w *Writer) takeSides(leading bool) (told *told, moved bool) {
	told = w.fromPeers.Load()
	open := w.Machines.connected()
	if told != nil {
		open = append(open, told.machines...)
	}
	moved = w.connections.update(time.Now(), leading, open)
	return told, w.takeRolledOut() || moved
}

// takeRolledOut takes what the conditions about rollouts are to say, and reports whether that changed.
func (w *Writer) takeRolledOut() (changed bool) {
	if w.RolledOut == nil {
		return false
	}
	now := w.RolledOut()
	changed = !maps.Equal(now, w.rolledOut)
	w.rolledOut = now
	return changed
}

// prune drops what is known about objects that are gone, and write times that no longer matter.
func (w *Writer) prune(all []report) {
	exists := make(map[mesh.Ref]struct{}, len(all))
	for _, r := range all {
		exists[r.rule.Ref] = struct{}{}
	}
	maps.DeleteFunc(w.writtenAt, func(_ mesh.Ref, at time.Time) bool { return time.Since(at) >= minWriteInterval })
	for ref := range w.emitted {
		if _, ok := exists[ref]; !ok {
			delete(w.emitted, ref)
		}
	}
}

// reconcileAsLeader writes conditions, and the Events of the objects that it writes.
func (w *Writer) reconcileAsLeader(ctx context.Context, all []report) error {
	previous := w.desired
	w.desired = make(map[mesh.Ref]string, len(all))
	for _, r := range all {
		w.desired[r.rule.Ref] = r.fingerprint()
	}
	for _, r := range all {
		want := r.fingerprint()
		if w.observed[r.rule.Ref] == want {
			continue
		}
		w.upToDate = false
		// Wait until the desired conditions are stable, and the last write is not recent.
		if previous[r.rule.Ref] != want || time.Since(w.writtenAt[r.rule.Ref]) < minWriteInterval {
			continue
		}
		if !w.elector.Leading() {
			return nil // The Lease was lost meanwhile: a reconciliation may take minutes.
		}
		if err := w.reconcileObject(ctx, r); err != nil {
			return err
		}
	}
	return w.removeStaleConditions(ctx)
}

// reconcileObject writes the conditions of one object, and its Events if it was written.
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

// removeStaleConditions removes our conditions from objects that have them but should not.
func (w *Writer) removeStaleConditions(ctx context.Context) error {
	for ref := range w.observed {
		if _, keep := w.desired[ref]; keep {
			continue
		}
		w.upToDate = false
		if !w.elector.Leading() {
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

// reconcileAsFollower writes Events for what this replica's own clients reject.
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
