package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/internal/admin"
)

type item struct {
	Name string `json:"name"`
}

// served is a running Server, and the channels that set its state.
type served struct {
	url             string
	ready, draining chan struct{}
	// stop ends Run and returns its error.
	stop func() error
}

func serve(t *testing.T) served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "mizzen_test_gauge"}))
	s := served{ready: make(chan struct{}), draining: make(chan struct{})}
	server := admin.New(admin.Options{
		Listener: listener,
		Ready:    s.ready,
		Draining: s.draining,
		Lists: []admin.List{
			admin.NewList("clients", func() []item { return []item{{Name: "one"}, {Name: "two"}} }),
			admin.NewList("problems", func() []item { return nil }),
		},
		Metrics: registry,
		Logger:  slog.New(slog.DiscardHandler),
	})
	s.url = "http://" + server.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	s.stop = func() error { cancel(); return <-done }
	return s
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestReadinessFollowsTheProcess(t *testing.T) {
	s := serve(t)
	type answer struct {
		Status int
		Body   string
	}
	ask := func(path string) answer {
		status, body := get(t, s.url+path)
		return answer{status, body}
	}

	got := []answer{ask("/healthz"), ask("/readyz")}
	close(s.ready)
	got = append(got, ask("/readyz"))
	close(s.draining)
	got = append(got, ask("/readyz"), ask("/healthz"))

	want := []answer{
		{200, "ok\n"},
		{503, "the source was not completely read yet\n"},
		{200, "ok\n"},
		{503, "shutting down\n"},
		{200, "ok\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if err := s.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestPaths(t *testing.T) {
	s := serve(t)
	cases := map[string]struct {
		path   string
		status int
		want   string
	}{
		"index names the lists": {"/", 200, "/api/clients\n/api/problems\n"},
		"metrics":               {"/metrics", 200, "mizzen_test_gauge 0"},
		"list":                  {"/api/clients", 200, `[{"name":"one"},{"name":"two"}]` + "\n"},
		"empty list":            {"/api/problems", 200, "[]\n"},
		"profiles":              {"/debug/pprof/", 200, "goroutine"},
		"one profile":           {"/debug/pprof/goroutine?debug=1", 200, "goroutine profile:"},
		"unknown list":          {"/api/nothing", 404, "not found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := get(t, s.url+c.path)
			if status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("got %d %q, want %d and %q in it", status, body, c.status, c.want)
			}
		})
	}
	if err := s.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestRunFailsWithItsListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	server := admin.New(admin.Options{
		Listener: listener,
		Metrics:  prometheus.NewRegistry(),
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err := server.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "serve admin on 127.0.0.1:") {
		t.Errorf("got %v, want an error that names the address", err)
	}
}
