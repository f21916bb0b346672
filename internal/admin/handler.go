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

// ReadyPath is the path of the readiness check: 200 if clients are served, else 503.
const ReadyPath = "/readyz"

// ListPath returns the path of the list with that name.
func ListPath(name string) string { return "/api/" + name }

// List is a list that operators can read.
type List struct {
	Name string
	read func() any
}

// NewList makes a List of the items that read returns. It is encoded as one JSON array.
func NewList[T any](name string, read func() []T) List {
	return List{Name: name, read: func() any {
		if items := read(); items != nil {
			return items
		}
		return []T{} // not nil, which is encoded as null
	}}
}

func newHandler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET "+ReadyPath, serveReadiness(o))
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	if o.Public {
		mux.HandleFunc("GET /{$}", serveIndex(o))
		for path, handler := range o.Handlers {
			mux.Handle("GET "+path, handler)
		}
		return answerGRPC(nil, endStalled(mux))
	}
	inner := newInnerHandler(o)
	browsers := newSessions(o.TokenFile, o.Logger)
	if o.TokenFile != "" {
		inner = requireToken(o.TokenFile, browsers, o.Logger, inner)
	}
	if o.Page != nil {
		inner = withPage(o.Page, browsers, inner)
	}
	mux.Handle("/", requireHost(o.Hosts, o.TokenFile != "", guarded(inner)))
	return answerGRPC(o.Calls, endStalled(mux))
}

// newInnerHandler serves everything that a public server does not serve.
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
	if !o.Public && o.Page != nil {
		paths = append(paths, pagePath)
	}
	if !o.Public {
		paths = append(paths, "/debug/pprof/")
	}
	for _, list := range o.Lists {
		paths = append(paths, ListPath(list.Name))
	}
	paths = append(paths, slices.Sorted(maps.Keys(o.Handlers))...)
	return func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, strings.Join(paths, "\n")) }
}

// serveReadiness states the reason in the body if clients are not served.
func serveReadiness(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case closed(o.Draining):
			writeText(w, http.StatusServiceUnavailable, "shutting down")
		case !closed(o.Ready):
			writeText(w, http.StatusServiceUnavailable, "the source was not completely read yet")
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
		_, _ = w.Write(append(body, '\n')) // the client may have closed the connection
	}
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) //nolint:gosec // plain text by its header; the client may have closed the connection
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
