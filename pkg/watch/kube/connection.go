package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// listWatch lists and watches the objects of one kind.
type listWatch struct {
	// client is the client behind list and watch. The reflector asks it whether it supports streaming lists.
	client any
	labels string
	list   func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch  func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// newListWatch makes a listWatch of one client for one kind, such as client.CoreV1().Pods(namespace), restricted by a
// label selector.
func newListWatch[L runtime.Object](client any, kind interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}, labels string,
) listWatch {
	return listWatch{
		client: client, labels: labels, watch: kind.Watch,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return kind.List(ctx, o) },
	}
}

// slack is how far from its planned end a watch may end and still count as ended normally: the API server's clock
// starts later than ours, and the end takes a while to arrive.
const slack = 5 * time.Second

func (i *informer) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	o.LabelSelector = i.source.labels
	if !i.resumes() {
		o.ResourceVersion, o.ResourceVersionMatch = "", ""
	}
	list, err := i.source.list(ctx, o)
	i.observe(ctx, err)
	return list, err
}

func (i *informer) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.LabelSelector = i.source.labels
	if !i.resumes() {
		if o.SendInitialEvents == nil {
			return nil, apierrors.NewResourceExpired("the previous watch was cut off: what it reported may have been undone")
		}
		o.ResourceVersion = ""
	}
	begin := time.Now()
	w, err := i.source.watch(ctx, o)
	if err == nil && o.TimeoutSeconds != nil {
		i.ends = begin.Add(time.Duration(*o.TimeoutSeconds) * time.Second)
	}
	i.observe(ctx, err)
	return w, err
}

// resumes reports whether the reflector may continue from the last resource version that it saw. It may if the previous
// watch ended when it was planned to. If not, the API server may have been restarted over an etcd that was restored
// from a backup: resource versions are then reused for other states, and a watch that continues from one misses what
// was undone. From then on, until a list was read completely, requests ask for the current state.
func (i *informer) resumes() bool {
	if !i.ends.IsZero() && time.Since(i.ends).Abs() > slack {
		i.mustRelist = true
	}
	i.ends = time.Time{}
	return !i.mustRelist
}

// observe handles the outcome of a list or watch request. The reflector retries in any case.
func (i *informer) observe(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	i.connection.observe(err)
	if err == nil {
		if i.absent {
			i.after.await(ctx, i.since)
		}
		i.absent, i.lastError = false, ""
		return
	}
	status := apierrors.APIStatus(nil)
	switch {
	case !errors.As(err, &status):
		// No answer. The connection has logged that, once for all informers. The API server that answers next may have
		// another history.
		i.mustRelist = true
	case apierrors.IsNotFound(err) && i.row.Optional:
		i.absent, i.since = true, i.after.count()
		if i.isNew(err) {
			i.logger.Info("kind is not served by the cluster", "error", err)
		}
		i.markSynced()
	case apierrors.IsForbidden(err) && i.row.Without != "":
		if i.isNew(err) {
			i.logger.Warn("not allowed to read this kind", "unknown", i.row.Without, "error", err)
		}
		i.markSynced()
	case apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.IsInvalid(err):
		// The last resource version is too old to continue from, or this API server does not stream lists. The
		// reflector lists again.
	case i.isNew(err):
		i.logger.Warn("kubernetes refused a list or watch", "error", err)
	}
	i.presence.note(i.absent)
}

// isNew reports whether an error should be logged: not while the same error repeats, for a list or a watch.
func (i *informer) isNew(err error) bool {
	complaint := "reason " + string(apierrors.ReasonForError(err))
	repeated := complaint == i.lastError
	i.lastError = complaint
	return !repeated
}

// apiConnection is the state of the connection to the API server. All informers share it.
type apiConnection struct {
	logger *slog.Logger

	// mu protects lost: when the API server first did not answer; zero while it answers.
	mu   sync.Mutex
	lost time.Time
}

// observe records the outcome of a request, and logs when the connection is lost or restored. An error status is an
// answer.
func (l *apiConnection) observe(err error) {
	answered := err == nil || errors.As(err, new(apierrors.APIStatus))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !answered && l.lost.IsZero():
		l.lost = time.Now()
		l.logger.Warn("kubernetes connection lost", "error", err)
	case answered && !l.lost.IsZero():
		l.logger.Info("kubernetes connection restored", "after", time.Since(l.lost).Round(time.Millisecond))
		l.lost = time.Time{}
	}
}

// typed makes a typed object of an object that was read untyped, as optional kinds are.
func (i *informer) typed(raw any) (metav1.Object, error) {
	switch raw := raw.(type) {
	case *unstructured.Unstructured:
		if raw.GetKind() != string(i.row.Kind) {
			return nil, fmt.Errorf("unexpected kind %q", raw.GetKind())
		}
		typed := i.row.New()
		return typed, object.Decode(raw.Object, typed)
	case metav1.Object:
		return raw, nil
	}
	return nil, fmt.Errorf("unexpected type %T", raw)
}

// debugHandler is a slog.Handler that lowers every record to debug, and drops records below debug.
type debugHandler struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q debugHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug && q.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler. Not all callers have called Enabled before.
func (q debugHandler) Handle(ctx context.Context, r slog.Record) error {
	if !q.Enabled(ctx, r.Level) {
		return nil
	}
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q debugHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return debugHandler{q.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (q debugHandler) WithGroup(name string) slog.Handler {
	return debugHandler{q.Handler.WithGroup(name)}
}
