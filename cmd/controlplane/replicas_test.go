package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestReplicasAreReachedThroughTheAPIServer has a fake API server that lists pods and does not forward ports.
func TestReplicasAreReachedThroughTheAPIServer(t *testing.T) {
	cases := map[string]struct {
		pods, fault string
		asked       []string
	}{
		"all that run, by name": {
			pods: `{"metadata":{"name":"c"},"status":{"phase":"Running"}}, {"metadata":{"name":"b"},"status":{"phase":"Running"}},
				{"metadata":{"name":"a"},"status":{"phase":"Pending"}},
				{"metadata":{"name":"0","deletionTimestamp":"2026-01-02T03:04:05Z"},"status":{"phase":"Running"}}`,
			fault: "forward a port of pod b: ",
			asked: []string{
				"GET /api/v1/namespaces/home/pods?labelSelector=app.kubernetes.io%2Fname%3Dmizzen",
				"GET /api/v1/namespaces/home/pods/b/portforward",
				"POST /api/v1/namespaces/home/pods/b/portforward",
				"GET /api/v1/namespaces/home/pods/c/portforward",
				"POST /api/v1/namespaces/home/pods/c/portforward",
			},
		},
		"none that runs": {
			pods:  `{"metadata":{"name":"a"},"status":{"phase":"Pending"}}`,
			fault: "no pod with the label app.kubernetes.io/name=mizzen runs in namespace home",
			asked: []string{"GET /api/v1/namespaces/home/pods?labelSelector=app.kubernetes.io%2Fname%3Dmizzen"},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Method+" "+r.URL.String())
				if strings.HasSuffix(r.URL.Path, "/portforward") {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"kind":"PodList","apiVersion":"v1","items":[` + test.pods + `]}`)) // the test would fail
			}))
			defer server.Close()
			group, ctx := errgroup.WithContext(t.Context())
			ctx, cancel := context.WithCancel(ctx)
			_, err := forwardAll(ctx, group, &rest.Config{Host: server.URL}, "home", nil)
			cancel()
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("got %v, want %q", err, test.fault)
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(asked, test.asked) {
				t.Errorf("the API server got the requests %q, want %q", asked, test.asked)
			}
		})
	}
}

// TestWaitWithoutDefinitions: a cluster without Istio's definitions has no rules to wait for, and a named rule does
// not exist.
func TestWaitWithoutDefinitions(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w := waiting{replicas: replicas{config: &rest.Config{Host: server.URL}}}
	if err := w.versions(t.Context()); err != nil || len(w.current) != 0 {
		t.Errorf("for all: got %v and %v, want nothing to wait for", w.current, err)
	}
	w.named = []mesh.Ref{{Kind: "VirtualService", Namespace: "shop", Name: "cart"}}
	if err := w.versions(t.Context()); err == nil || !strings.Contains(err.Error(), "look up VirtualService shop/cart") {
		t.Errorf("for one: got %v, want that it does not exist", err)
	}
}
