package kube

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestListReadsPages: a list is read page by page, and at once if its token expires; what was deleted meanwhile is gone.
func TestListReadsPages(t *testing.T) {
	page := func(next string, names ...string) string {
		items := make([]string, len(names))
		for i, name := range names {
			items[i] = fmt.Sprintf(`{"metadata":{"namespace":"a","name":%q},"spec":{"ports":[{"port":80}]}}`, name)
		}
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceList","metadata":{"continue":%q},"items":[%s]}`, next, strings.Join(items, ","))
	}
	const selector = "limit=500"
	tests := map[string]struct {
		answers  map[string]string // by query
		want     []string
		requests []string
	}{
		"one page":  {map[string]string{selector: page("", "x")}, []string{"x"}, []string{selector}},
		"two pages": {map[string]string{selector: page("2", "x"), "continue=2&" + selector: page("", "y")}, []string{"x", "y"}, []string{selector, "continue=2&" + selector}},
		"an expired token": {
			map[string]string{selector: page("2", "deleted"), "continue=2&" + selector: expired, "": page("", "x", "y")},
			[]string{"x", "y"},
			[]string{selector, "continue=2&" + selector, ""},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var requests []string
			k, _ := kubeOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				answer := test.answers[r.URL.RawQuery]
				if r.URL.Path != "/api/v1/services" {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				requests = append(requests, r.URL.RawQuery)
				if answer == expired {
					w.WriteHeader(http.StatusGone)
				}
				_, _ = w.Write([]byte(answer)) // the test misses it
			}), "")
			changes, err := k.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for key := range changes.Objects {
				got = append(got, key.Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			want := -1 // Services are served.
			for _, row := range object.Kinds {
				if !row.Live && !row.Elective { // A cluster may lack those.
					want++
				}
			}
			if got := len(changes.Problems[object.Key{}]); got != want {
				t.Errorf("got %d Problems, want %d, one for each kind that is not served", got, want)
			}
		})
	}
}

// TestListEnds: an API server that does not answer ends the list after a while.
func TestListEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFeed(typedBy(fake.NewClientset()), newFakeDynamic(), watch.Options{}.WithDefaults())
		k.informers[0].source.list = func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		begun := time.Now()
		_, err := k.List(t.Context())
		if took := time.Since(begun); err == nil || err.Error() != "list services: no answer within 30s" || took != pageTimeout {
			t.Errorf("got %v after %s, want an error that states the timeout", err, took)
		}
	})
}
