package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
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
	// labels and fields are selectors.
	labels, fields string
	list           func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch          func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// newListWatch makes a listWatch of one client for one kind, such as client.CoreV1().Pods(namespace), restricted as
// the kind's row says.
func newListWatch[L runtime.Object](client any, kind interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}, row *object.KindRow,
) listWatch {
	return listWatch{
		client: client, labels: row.Selector, fields: row.Fields, watch: kind.Watch,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return kind.List(ctx, o) },
	}
}

// orElse returns a listWatch that uses another one where the resource of this one is not served.
func (s listWatch) orElse(other listWatch) listWatch {
	first := s
	s.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		list, err := first.list(ctx, o)
		if apierrors.IsNotFound(err) {
			if list, elsewhere := other.list(ctx, o); !apierrors.IsNotFound(elsewhere) {
				return list, elsewhere
			}
		}
		return list, err
	}
	s.watch = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		w, err := first.watch(ctx, o)
		if apierrors.IsNotFound(err) {
			if w, elsewhere := other.watch(ctx, o); !apierrors.IsNotFound(elsewhere) {
				return w, elsewhere
			}
		}
		return w, err
	}
	return s
}

// slack is how far from its planned end a watch may end and still count as ended normally: the API server's clock
// starts later than ours, and the end takes a while to arrive.
const slack = 5 * time.Second

func (i *informer) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	o.LabelSelector, o.FieldSelector = i.source.labels, i.source.fields
	if !i.resumes() || i.remote != "" {
		o.ResourceVersion, o.ResourceVersionMatch = "", ""
	}
	if i.remote != "" {
		o.Limit = pageSize
	}
	traced, done := i.connection.begin(ctx, i, verbList)
	list, err := i.source.list(traced, o)
	done()
	if err == nil {
		if o.Continue == "" {
			i.beginList()
		}
		err = i.countPage(meta.LenList(list))
	}
	if err != nil || !i.endless.Load() {
		i.observe(ctx, verbList, err)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (i *informer) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.LabelSelector, o.FieldSelector = i.source.labels, i.source.fields
	if !i.resumes() {
		if o.SendInitialEvents == nil {
			return nil, apierrors.NewResourceExpired("the previous watch was cut off: what it reported may have been undone")
		}
		o.ResourceVersion = ""
	}
	i.begun = time.Now()
	traced, done := i.connection.begin(ctx, i, verbWatch)
	w, err := i.source.watch(traced, o)
	done()
	if err == nil && isEmpty(w) {
		w, err = nil, errNoAnswer
	}
	if err == nil && o.TimeoutSeconds != nil {
		i.ends = i.begun.Add(time.Duration(*o.TimeoutSeconds) * time.Second)
	}
	if err == nil && i.cutOff >= maxCutOff {
		i.observe(ctx, verbWatch, errCutOff)
		return i.onTrial(w), nil
	}
	if err != nil || !i.endless.Load() {
		i.observe(ctx, verbWatch, err)
	}
	if err == nil && i.remote != "" && o.SendInitialEvents != nil && *o.SendInitialEvents {
		i.beginList()
		return i.counted(w), nil
	}
	return w, err
}

var (
	// errNoAnswer replaces the empty watch that client-go returns if a connection is accepted and closed without an answer.
	errNoAnswer = errors.New("the connection was closed without an answer")
	errCutOff   = errors.New("each watch ends immediately after it begins")
)

// isEmpty reports whether a watch is client-go's empty watch. To read from the watch could lose an event.
func isEmpty(w watch.Interface) bool {
	return reflect.TypeOf(w) == reflect.TypeOf(watch.NewEmptyWatch())
}

// onTrial passes a watch on. The watch counts as begun once it has lasted for cutOffWithin.
func (i *informer) onTrial(w watch.Interface) watch.Interface {
	events := make(chan watch.Event)
	trial := watch.NewProxyWatcher(events)
	i.running.Go(func() {
		defer close(events)
		defer w.Stop()
		lasted := time.NewTimer(cutOffWithin)
		defer lasted.Stop()
		for {
			select {
			case event, ok := <-w.ResultChan():
				if !ok {
					return
				}
				select {
				case events <- event:
				case <-trial.StopChan():
					return
				}
			case <-lasted.C:
				i.connection.succeeded(i, verbWatch)
			case <-trial.StopChan():
				return
			}
		}
	})
	return trial
}

// The verbs of requests.
const (
	verbList  = "list"
	verbWatch = "watch"
)

// maxCutOff is how many watches in a row may end so early that the next one begins within cutOffWithin, which is longer than the
// backoff. Proxies and API servers may end some of them.
const (
	maxCutOff    = 3
	cutOffWithin = 5 * time.Second
)

// resumes reports whether the reflector may continue from the last resource version that it saw. It may if the previous
// watch ended when it was planned to. If not, the API server may have been restarted over an etcd that was restored
// from a backup: resource versions are then reused for other states, and a watch that continues from one misses what
// was undone. From then on, until a list was read completely, requests ask for the current state.
func (i *informer) resumes() bool {
	if !i.ends.IsZero() {
		i.mustRelist = i.mustRelist || time.Since(i.ends).Abs() > slack
		if time.Since(i.begun) < cutOffWithin {
			i.cutOff++
		} else {
			i.cutOff = 0
		}
	}
	i.ends = time.Time{}
	return !i.mustRelist
}

// observe handles the outcome of a list or watch request. The reflector retries in any case.
func (i *informer) observe(ctx context.Context, verb string, err error) {
	if ctx.Err() != nil {
		return
	}
	i.connection.observe(i, verb, err)
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

// reads reports whether the outcome of a request leaves nothing of the kind unread: it succeeded, there is nothing to read, or the
// next request will read it.
func (i *informer) reads(err error) bool {
	switch {
	case err == nil, apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsInvalid(err):
		return true
	case apierrors.IsNotFound(err):
		return i.row.Optional
	case apierrors.IsForbidden(err):
		return i.row.Without != ""
	}
	return false
}

// isNew reports whether an error should be logged: not while the same error repeats, for a list or a watch.
func (i *informer) isNew(err error) bool {
	complaint := "reason " + string(apierrors.ReasonForError(err))
	repeated := complaint == i.lastError
	i.lastError = complaint
	return !repeated
}

// typed makes a typed object of an object that was read untyped, as optional kinds are.
func (i *informer) typed(raw any) (metav1.Object, error) {
	switch raw := raw.(type) {
	case *unstructured.Unstructured:
		if raw.GetKind() != string(i.row.Kind) {
			return nil, fmt.Errorf("unexpected kind %q", raw.GetKind())
		}
		return i.row.Typed(raw.Object)
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
