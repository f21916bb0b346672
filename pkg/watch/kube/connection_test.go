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
	"k8s.io/apimachinery/pkg/watch"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestLost(t *testing.T) {
	k := &Feed{connection: &apiConnection{logger: slog.New(slog.DiscardHandler)}}
	noAnswer := errors.New("connection refused")
	for _, step := range []struct {
		ended error
		lost  bool
	}{{nil, false}, {noAnswer, true}, {noAnswer, true}, {apierrors.NewUnauthorized("no"), false}, {noAnswer, true}, {nil, false}} {
		before := time.Now()
		k.connection.observe(step.ended)
		if got := k.Lost(); got.IsZero() == step.lost || got.After(time.Now()) {
			t.Errorf("after %v, request at %v: got lost since %v, want lost: %t", step.ended, before, got, step.lost)
		}
	}
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
