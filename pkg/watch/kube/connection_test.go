package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	watchpkg "github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestLost has a connection lost while any kind is unread, whatever the reason, and says when.
func TestLost(t *testing.T) {
	resource := apischema.GroupResource{Resource: "any"}
	required, optional := object.KindPod.Row(), object.KindVirtualService.Row()
	tests := map[string]struct {
		row  *object.KindRow
		err  error
		lost bool
	}{
		"answered":                        {required, nil, false},
		"no answer":                       {required, errors.New("connection refused"), true},
		"accepted and closed":             {required, errNoAnswer, true},
		"a captive proxy's page":          {required, errors.New("couldn't get version/kind; json parse error"), true},
		"each watch ends immediately":     {required, errCutOff, true},
		"credentials refused":             {required, apierrors.NewUnauthorized("no"), true},
		"not allowed":                     {required, apierrors.NewForbidden(resource, "", errors.New("no role")), true},
		"nodes are not allowed":           {object.KindNode.Row(), apierrors.NewForbidden(resource, "", errors.New("no role")), false},
		"a required kind is absent":       {required, apierrors.NewNotFound(resource, ""), true},
		"an optional kind is absent":      {optional, apierrors.NewNotFound(resource, ""), false},
		"the resource version is too old": {required, apierrors.NewResourceExpired("old"), false},
		"an internal error":               {required, apierrors.NewInternalError(errors.New("etcd")), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inbox := watchpkg.NewInbox()
				k := &Feed{connection: &apiConnection{logger: slog.New(slog.DiscardHandler), inbox: inbox}}
				i := &informer{row: test.row, connection: k.connection, logger: k.connection.logger, presence: newCRDPresence(), synced: make(chan struct{})}
				begin := time.Now()
				i.observe(t.Context(), verbWatch, test.err)
				<-time.After(reportAfter)
				i.observe(t.Context(), verbWatch, test.err)
				if got := k.Lost(); got.IsZero() == test.lost || test.lost && !got.Equal(begin) {
					t.Errorf("got lost since %v, want lost: %t since %v", got, test.lost, begin)
				}
				if got := k.LostWhy(); (got != "") != test.lost || test.lost && got != fmt.Sprintf("%s: %v", test.row.Kind, test.err) {
					t.Errorf("got %q, want the kind and the error: %t", got, test.lost)
				}
				if changes, _ := inbox.Take(); (len(changes.Problems[object.Key{}]) == 1) != test.lost {
					t.Errorf("got Problems %v, want one: %t", changes.Problems, test.lost)
				}
				i.observe(t.Context(), verbWatch, nil)
				if got := k.Lost(); !got.IsZero() || k.LostWhy() != "" {
					t.Errorf("got lost since %v after an answer", got)
				}
				if changes, _ := inbox.Take(); test.lost && (len(changes.Problems) != 1 || len(changes.Problems[object.Key{}]) > 0) {
					t.Errorf("got Problems %v after an answer, want them withdrawn", changes.Problems)
				}
			})
		})
	}
}

// TestEmptyWatch has an API server that accepts connections and closes them, which client-go turns into empty watches.
func TestEmptyWatch(t *testing.T) {
	i := &informer{
		row: object.KindPod.Row(), connection: &apiConnection{logger: slog.New(slog.DiscardHandler)}, logger: slog.New(slog.DiscardHandler),
		presence: newCRDPresence(), synced: make(chan struct{}),
		source: listWatch{watch: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return watch.NewEmptyWatch(), nil }},
	}
	if _, err := i.watch(t.Context(), metav1.ListOptions{}); !errors.Is(err, errNoAnswer) {
		t.Errorf("got error %v, want %v", err, errNoAnswer)
	}
	if i.connection.lost.IsZero() {
		t.Error("the connection is not lost")
	}
}

// TestWatchesThatEndImmediately has an API server that ends each watch at once, until one lasts.
func TestWatchesThatEndImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running sync.WaitGroup
		var current *watch.FakeWatcher
		i := &informer{
			row: object.KindPod.Row(), connection: &apiConnection{logger: slog.New(slog.DiscardHandler)}, logger: slog.New(slog.DiscardHandler),
			presence: newCRDPresence(), synced: make(chan struct{}), running: &running,
			source: listWatch{watch: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
				current = watch.NewFake()
				return current, nil
			}},
		}
		timeout, stream := int64(600), true
		begin := func() watch.Interface {
			w, err := i.watch(t.Context(), metav1.ListOptions{TimeoutSeconds: &timeout, SendInitialEvents: &stream})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		for n := range 6 {
			w := begin()
			if got, want := !i.connection.lost.IsZero(), n >= maxCutOff; got != want {
				t.Errorf("watch %d: lost: %t, want %t", n+1, got, want)
			}
			current.Stop()
			<-w.ResultChan()
			<-time.After(2 * time.Second)
		}
		w := begin()
		go current.Add(&corev1.Pod{})
		if event := <-w.ResultChan(); event.Type != watch.Added {
			t.Errorf("got event %q, want it passed on", event.Type)
		}
		<-time.After(cutOffWithin)
		synctest.Wait()
		if !i.connection.lost.IsZero() {
			t.Error("the connection is still lost while a watch lasts")
		}
		w.Stop()
		running.Wait()
	})
}

// TestResume ends a watch at some time. Later requests continue from the last resource version only if the watch
// ended when it was planned to and the next request is answered. Otherwise they request the current state, because
// the API server may have been restored with an older one.
func TestResume(t *testing.T) {
	const halfOpen = 30 * time.Second
	tests := map[string]struct {
		streams bool
		late    time.Duration // after the planned end of the watch
		silent  bool          // the next request has no answer
		want    []string
	}{
		"list, ended in time":                   {want: []string{`list "0"`, `watch "5"`, `watch "5"`}},
		"list, ended nearly in time":            {late: time.Second, want: []string{`list "0"`, `watch "5"`, `watch "5"`}},
		"list, cut off":                         {late: -time.Minute, want: []string{`list "0"`, `watch "5"`, `list ""`, `watch "5"`}},
		"list, found to lead nowhere":           {late: halfOpen, want: []string{`list "0"`, `watch "5"`, `list ""`, `watch "5"`}},
		"list, cut off, then no answer":         {late: -time.Minute, silent: true, want: []string{`list "0"`, `watch "5"`, `list ""`, `list ""`, `watch "5"`}},
		"list, ended in time, then no answer":   {silent: true, want: []string{`list "0"`, `watch "5"`, `watch "5"`, `list ""`, `watch "5"`}},
		"stream, ended in time":                 {streams: true, want: []string{`stream ""`, `watch "5"`}},
		"stream, cut off":                       {streams: true, late: -time.Minute, want: []string{`stream ""`, `stream ""`}},
		"stream, found to lead nowhere":         {streams: true, late: halfOpen, want: []string{`stream ""`, `stream ""`}},
		"stream, cut off, then no answer":       {streams: true, late: -time.Minute, silent: true, want: []string{`stream ""`, `stream ""`, `list ""`, `watch "5"`}},
		"stream, ended in time, then no answer": {streams: true, silent: true, want: []string{`stream ""`, `watch "5"`, `stream ""`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reportErrorsAtOnce()
				h := &history{streams: test.streams}
				i := newTestInformer(t, object.KindService)
				i.source = listWatch{client: h, list: h.list, watch: h.watch}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go i.run(ctx)
				synctest.Wait()
				<-time.After(h.timeout + test.late)
				h.end(test.silent)
				<-time.After(5 * time.Second) // longer than any backoff
				synctest.Wait()
				if diff := cmp.Diff(h.asked, test.want); diff != "" {
					t.Errorf("requests (-got +want):\n%s", diff)
				}
			})
		})
	}
}

// history is an API server that records its requests. It has no objects, and always has version 5.
type history struct {
	// streams means that a list can be read as the start of a watch.
	streams bool

	// mu protects the fields below.
	mu    sync.Mutex
	asked []string
	// silent means that the next request gets no answer.
	silent bool
	// last is the watch that was opened last. The test ends it after its timeout.
	last    watch.Interface
	timeout time.Duration
}

// IsWatchListSemanticsUnSupported is how the reflector asks whether a client can stream lists.
func (h *history) IsWatchListSemanticsUnSupported() bool { return !h.streams }

// record records a request, and returns an error if it gets no answer.
func (h *history) record(what, version string) error {
	h.asked = append(h.asked, fmt.Sprintf("%s %q", what, version))
	if !h.silent {
		return nil
	}
	h.silent = false
	return errors.New("connection reset")
}

func (h *history) list(_ context.Context, o metav1.ListOptions) (runtime.Object, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &corev1.ServiceList{ListMeta: metav1.ListMeta{ResourceVersion: "5"}}, h.record("list", o.ResourceVersion)
}

func (h *history) watch(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what, w := "watch", watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 1})
	if o.SendInitialEvents != nil {
		what = "stream"
		w.Action(watch.Bookmark, &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			ResourceVersion: "5", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
		}})
	}
	h.last, h.timeout = w, time.Duration(*o.TimeoutSeconds)*time.Second
	return w, h.record(what, o.ResourceVersion)
}

// end ends the last watch.
func (h *history) end(silent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent = silent
	h.last.Stop()
}

// TestOlderVersion reads a kind in an older version where the newer one is not served, and reports what both answer otherwise.
func TestOlderVersion(t *testing.T) {
	none := apierrors.NewNotFound(apischema.GroupResource{Resource: "x"}, "")
	refused := apierrors.NewForbidden(apischema.GroupResource{Resource: "x"}, "", nil)
	answering := func(err error) listWatch {
		return listWatch{
			list:  func(context.Context, metav1.ListOptions) (runtime.Object, error) { return nil, err },
			watch: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return nil, err },
		}
	}
	for name, test := range map[string]struct{ newer, older, want error }{
		"the newer is served":        {nil, refused, nil},
		"the newer is refused":       {refused, nil, refused},
		"the older is served":        {none, nil, nil},
		"the older is refused":       {none, refused, refused},
		"neither is served":          {none, none, none},
		"the newer fails for a time": {refused, none, refused},
	} {
		source := answering(test.newer).orElse(answering(test.older))
		_, list := source.list(t.Context(), metav1.ListOptions{})
		_, watched := source.watch(t.Context(), metav1.ListOptions{})
		if !errors.Is(list, test.want) || !errors.Is(watched, test.want) {
			t.Errorf("%s: got %v and %v, want %v", name, list, watched, test.want)
		}
	}
}
