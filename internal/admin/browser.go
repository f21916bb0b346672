package admin

import (
	"net/http"
	"strings"
)

// pagePath is where the page for people is served.
const pagePath = "/ui/"

// contentPolicy is what a browser may do with an answer: load the page's own files and data. It runs no other script,
// even if a text that a client chose were taken for HTML, no form leads anywhere (a token would be in the address), and no other site shows the page in a frame.
var contentPolicy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
}, "; ")

// guarded adds to all answers what makes browsers careful with them.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // the page's own files set another
		next.ServeHTTP(w, r)
	})
}

// withPage serves the page and its sign-in beside what next serves.
func withPage(page http.Handler, browsers *sessions, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+pagePath, page)
	mux.HandleFunc("GET "+SessionPath, browsers.show)
	mux.HandleFunc("POST "+SessionPath, browsers.signIn)
	mux.HandleFunc("DELETE "+SessionPath, browsers.signOut)
	mux.HandleFunc("GET "+strings.TrimSuffix(pagePath, "/"), toPage)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			toPage(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
	mux.Handle("/", next)
	return mux
}

// toPage leads a browser to the page. The address is relative, so that it is right below the path of a proxy, too.
func toPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", strings.TrimPrefix(pagePath, "/"))
	w.WriteHeader(http.StatusFound)
}
