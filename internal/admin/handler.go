package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ReadyPath is where a control plane says whether clients are served.
const ReadyPath = "/readyz"

// ListPath is where the list of that name is served.
func ListPath(name string) string { return "/api/" + name }

// List is something that operators may look at.
type List struct {
	Name string
	read func() any
}

// NewList makes a List whose items are what read returns, encoded as one JSON array.
func NewList[T any](name string, read func() []T) List {
	return List{Name: name, read: func() any {
		if items := read(); items != nil {
			return items
		}
		return []T{} // an empty array, where nil would be null
	}}
}

func newHandler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET "+ReadyPath, serveReadiness(o))
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	if o.Public {
		mux.HandleFunc("GET /{$}", serveIndex(o))
		return mux
	}
	inner := newInnerHandler(o)
	if o.TokenFile != "" {
		inner = requireToken(o.TokenFile, o.Logger, inner)
	}
	mux.Handle("/", inner)
	return mux
}

// newInnerHandler serves what is not for everybody.
func newInnerHandler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", serveIndex(o))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	for _, list := range o.Lists {
		mux.HandleFunc("GET "+ListPath(list.Name), serveList(list))
	}
	for path, handler := range o.Calls {
		mux.Handle("POST "+path, handler)
	}
	for path, handler := range o.Handlers {
		mux.Handle("GET "+path, handler)
	}
	return mux
}

func serveIndex(o Options) http.HandlerFunc {
	paths := []string{"/healthz", ReadyPath, "/metrics"}
	if !o.Public {
		paths = append(paths, "/debug/pprof/")
	}
	for _, list := range o.Lists {
		paths = append(paths, ListPath(list.Name))
	}
	paths = append(paths, slices.Sorted(maps.Keys(o.Handlers))...)
	return func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, strings.Join(paths, "\n")) }
}

// serveReadiness says in its body why it says no.
func serveReadiness(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case closed(o.Draining):
			writeText(w, http.StatusServiceUnavailable, "shutting down")
		case !closed(o.Ready):
			writeText(w, http.StatusServiceUnavailable, "the first complete picture of the source is not there yet")
		default:
			writeText(w, http.StatusOK, "ok")
		}
	}
}

func serveList(list List) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(list.read())
		if err != nil {
			http.Error(w, fmt.Sprintf("encode %s: %v", list.Name, err), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // a reader who left needs no answer
	}
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // a reader who left needs no answer
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
