package admin

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestHosts asks for each path under each host: health and metrics are answered under any, everything else only under
// loopback names and the given ones.
func TestHosts(t *testing.T) {
	file := t.TempDir() + "/token"
	writeToken(t, file, secret)
	for name, test := range map[string]struct {
		token string
		good  []string
		bad   []string
	}{
		"on loopback": {
			"",
			[]string{"localhost", "LOCALHOST:15014", "localhost.", "127.0.0.1", "127.0.0.1:15014", "127.8.9.1:1", "[::1]:15014", "[::1]", "admin.example", "Admin.Example:15014"},
			[]string{"evil.example", "evil.example:15014", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io:15014", "10.1.2.3", "10.1.2.3:15014", "0.0.0.0", "[fd00::1]:1", "x.admin.example", "", "localhost:1:2"},
		},
		"with a token": {
			file,
			[]string{"localhost", "10.1.2.3:15014", "[fd00::1]:1", "admin.example"},
			[]string{"evil.example", "10.1.2.3.evil.example:15014", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler := newHandler(Options{
				Hosts: []string{"admin.example"}, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}), TokenFile: test.token,
				Lists: []List{NewList("clients", func() []int { return nil })},
				Calls: map[string]http.Handler{"/call/": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})},
			})
			ask := func(method, path, host string) int {
				request := httptest.NewRequest(method, path, http.NoBody)
				request.Host = host
				request.Header.Set("Authorization", "Bearer "+secret)
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				return answer.Code
			}
			for _, host := range append(test.good, test.bad...) {
				for path, want := range map[string]int{"/healthz": http.StatusOK, "/metrics": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
					if got := ask(http.MethodGet, path, host); got != want {
						t.Errorf("host %q: %s: got %d, want %d", host, path, got, want)
					}
				}
			}
			for path, method := range map[string]string{"/": http.MethodGet, "/api/clients": http.MethodGet, "/debug/pprof/cmdline": http.MethodGet, "/call/x": http.MethodPost} {
				for _, host := range test.good {
					if got := ask(method, path, host); got != http.StatusOK {
						t.Errorf("host %q: %s: got %d, want 200", host, path, got)
					}
				}
				for _, host := range test.bad {
					if got := ask(method, path, host); got != http.StatusForbidden {
						t.Errorf("host %q: %s: got %d, want 403", host, path, got)
					}
				}
			}
			for _, host := range test.bad {
				if got := ask(http.MethodGet, "/nothing", host); got != http.StatusForbidden {
					t.Errorf("host %q: an unknown path: got %d, want 403", host, got)
				}
			}
		})
	}
}

// TestCrossSiteRequests sends what browsers send with a request that a page caused.
func TestCrossSiteRequests(t *testing.T) {
	handler := newHandler(Options{
		Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}),
		Lists: []List{NewList("clients", func() []int { return nil })},
		Page:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	for name, test := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"no browser":                  {nil, http.StatusOK},
		"the address bar":             {map[string]string{"Sec-Fetch-Site": "none"}, http.StatusOK},
		"the same origin":             {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:15014"}, http.StatusOK},
		"another site":                {map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"another port":                {map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		"an unknown relation":         {map[string]string{"Sec-Fetch-Site": "x"}, http.StatusForbidden},
		"another origin":              {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"an origin at another port":   {map[string]string{"Origin": "http://localhost:8080"}, http.StatusForbidden},
		"a sandboxed page":            {map[string]string{"Origin": "null"}, http.StatusForbidden},
		"another origin, same-origin": {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			for path, want := range map[string]int{"/api/clients": test.want, "/ui/": test.want, "/": test.want, "/healthz": http.StatusOK, "/metrics": http.StatusOK} {
				request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
				request.Host = "localhost:15014"
				for key, value := range test.headers {
					request.Header.Set(key, value)
				}
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				if answer.Code != want {
					t.Errorf("%s: got %d %q, want %d", path, answer.Code, answer.Body, want)
				}
			}
		})
	}
}

// TestLinksOfOtherSites follows links that pages of other sites have, as browsers do. Only the page itself is answered: it has no
// data. Everything that such a page could read or change otherwise is not.
func TestLinksOfOtherSites(t *testing.T) {
	handler := newHandler(Options{
		Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}),
		Lists: []List{NewList("clients", func() []int { return nil })},
		Page:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	link := map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	with := func(key, value string) map[string]string {
		out := maps.Clone(link)
		out[key] = value
		return out
	}
	for name, test := range map[string]struct {
		method, host, path string
		headers            map[string]string
		want               int
	}{
		"the page":                  {"GET", "localhost:15014", "/ui/", link, http.StatusOK},
		"the page, at another port": {"GET", "localhost:15014", "/ui/", with("Sec-Fetch-Site", "same-site"), http.StatusOK},
		"a file of the page":        {"GET", "localhost:15014", "/ui/index.html", link, http.StatusOK},
		"without the slash":         {"GET", "localhost:15014", "/ui", link, http.StatusFound},
		"by another name":           {"GET", "evil.example", "/ui/", link, http.StatusForbidden},
		"a list":                    {"GET", "localhost:15014", "/api/clients", link, http.StatusForbidden},
		"the index":                 {"GET", "localhost:15014", "/", link, http.StatusForbidden},
		"a profile":                 {"GET", "localhost:15014", "/debug/pprof/cmdline", link, http.StatusForbidden},
		"beside the page":           {"GET", "localhost:15014", "/uix", link, http.StatusForbidden},
		"out of the page":           {"GET", "localhost:15014", "/ui/../api/clients", link, http.StatusForbidden},
		"a form":                    {"POST", "localhost:15014", "/ui/", link, http.StatusForbidden},
		"a form with an origin":     {"POST", "localhost:15014", "/ui/", with("Origin", "https://evil.example"), http.StatusForbidden},
		"an origin":                 {"GET", "localhost:15014", "/ui/", with("Origin", "https://evil.example"), http.StatusForbidden},
		"a frame":                   {"GET", "localhost:15014", "/ui/", with("Sec-Fetch-Dest", "iframe"), http.StatusForbidden},
		"an object":                 {"GET", "localhost:15014", "/ui/", with("Sec-Fetch-Dest", "object"), http.StatusForbidden},
		"a script":                  {"GET", "localhost:15014", "/ui/app.js", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, http.StatusForbidden},
		"fetch":                     {"GET", "localhost:15014", "/ui/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, http.NoBody)
			request.Host = test.host
			for key, value := range test.headers {
				request.Header.Set(key, value)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			// The server itself cleans up paths with dots, and the browser asks again as before.
			if to := answer.Header().Get("Location"); answer.Code == http.StatusTemporaryRedirect || answer.Code == http.StatusMovedPermanently {
				request.URL.Path, answer = to, httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
			}
			if answer.Code != test.want {
				t.Errorf("got %d %q, want %d", answer.Code, answer.Body, test.want)
			}
		})
	}
}
