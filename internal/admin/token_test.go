package admin

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

const secret = "correct horse battery staple"

func writeToken(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTokenProtectsAllExceptHealthAndMetrics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	writeToken(t, file, secret+"\n")
	handler := newHandler(Options{
		TokenFile: file, Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Ready: make(chan struct{}),
		Lists:    []List{NewList("clients", func() []int { return nil })},
		Handlers: map[string]http.Handler{"/extra": http.NotFoundHandler()},
	})
	ask := func(method, path, authorization string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, path, http.NoBody)
		request.Host = "localhost"
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer
	}
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/metrics": http.StatusOK, "/readyz": http.StatusServiceUnavailable,
		"/": http.StatusUnauthorized, "/api/clients": http.StatusUnauthorized, "/extra": http.StatusUnauthorized,
		"/debug/pprof/": http.StatusUnauthorized, "/debug/pprof/heap": http.StatusUnauthorized, "/nothing": http.StatusUnauthorized,
	} {
		if got := ask(http.MethodGet, path, ""); got.Code != want {
			t.Errorf("%s without a token: got %d, want %d", path, got.Code, want)
		}
	}
	if got := ask(http.MethodPost, "/debug/pprof/symbol", ""); got.Code != http.StatusUnauthorized {
		t.Errorf("POST without a token: got %d", got.Code)
	}
	for name, authorization := range map[string]string{
		"another":   "Bearer " + secret + "!",
		"a part":    "Bearer " + secret[:20],
		"none":      "Bearer ",
		"basic":     "Basic " + secret,
		"no scheme": secret,
	} {
		if got := ask(http.MethodGet, "/api/clients", authorization); got.Code != http.StatusUnauthorized || !strings.Contains(got.Body.String(), "--admin-token") {
			t.Errorf("%s: got %d %q, want 401 and the flag of the token", name, got.Code, got.Body)
		}
	}
	if got := ask(http.MethodGet, "/api/clients", "bearer "+secret); got.Code != http.StatusOK {
		t.Errorf("the right token: got %d %q", got.Code, got.Body)
	}

	writeToken(t, file, "another token altogether")
	if got := ask(http.MethodGet, "/api/clients", "Bearer "+secret); got.Code != http.StatusUnauthorized {
		t.Errorf("the previous token: got %d", got.Code)
	}
	for name, text := range map[string]string{"an empty file": "", "a short one": "0123456789abcde"} {
		writeToken(t, file, text)
		if got := ask(http.MethodGet, "/api/clients", "Bearer "+text); got.Code != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, got.Code)
		}
	}
}
