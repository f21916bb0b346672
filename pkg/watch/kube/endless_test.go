package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// TestListsThatDoNotEnd has the API server of a remote cluster that lists forever, in pages, in one page, and in a stream: each list ends
// with an error that says so, and what was read of it is given up.
func TestListsThatDoNotEnd(t *testing.T) {
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"pages": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("watch") != "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			fmt.Fprintf(w, `{"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1", "continue": "%sx"}, "items": []}`, r.URL.Query().Get("continue"))
		},
		"a page": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("watch") != "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, `{"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [{}`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(`, {}`, 1<<16)); err != nil {
					return
				}
			}
		},
		"a stream": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("watch") == "" {
				<-r.Context().Done()
				return
			}
			encoder := json.NewEncoder(w)
			for i := 0; r.Context().Err() == nil; i++ {
				if err := encoder.Encode(map[string]any{"type": "ADDED", "object": map[string]any{"kind": "Pod", "apiVersion": "v1", "metadata": map[string]any{"name": fmt.Sprint(i), "resourceVersion": "1"}}}); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if !strings.HasSuffix(r.URL.Path, "/pods") {
					<-r.Context().Done() // so that the reason is about pods
					return
				}
				serve(w, r)
			}))
			defer server.Close()
			k, err := New(&rest.Config{Host: server.URL}, watch.Options{Name: "b", Remote: true})
			if err != nil {
				t.Fatal(err)
			}
			k.connection.maxListed = 5000
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ended := make(chan error)
			go func() { ended <- k.Run(ctx, watch.NewInbox()) }()
			for !strings.Contains(k.LostWhy(), errEndless.Error()) {
				if ctx.Err() != nil {
					t.Fatalf("got the reason %q, want one with %q", k.LostWhy(), errEndless)
				}
				<-time.After(time.Millisecond)
			}
			if name != "a page" && !slices.ContainsFunc(k.informers, func(i *informer) bool { return i.endless.Load() }) {
				t.Error("the list counts as one that ends")
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if got := k.connection.listed.Load(); got > 5001 {
				t.Errorf("got %d objects in lists that are not finished", got)
			}
		})
	}
}
