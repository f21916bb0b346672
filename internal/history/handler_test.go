package history_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestHandlers serves lists that are never null, and says what to do about a request that cannot be answered.
func TestHandlers(t *testing.T) {
	r := newRecorder(t, history.InMemory)
	mux := http.NewServeMux()
	for path, handler := range r.Handlers(func(q url.Values) (mesh.Client, error) {
		if q.Get("pod") != "" {
			return mesh.Client{}, errors.New("no such pod")
		}
		return mesh.Client{}, nil
	}) {
		mux.Handle("GET "+path, handler)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(path string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
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
	if status, body := get("/api/history"); status != http.StatusOK || body != "[]\n" {
		t.Errorf("nothing is recorded: got %d %s", status, body)
	}
	r.record(service("cart", 80))
	id := r.record(service("cart", 80), rule("cart", 5))
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/api/history":                                              {http.StatusOK, `"id":"` + id + `"`},
		"/api/history?limit=0":                                      {http.StatusBadRequest, "limit is not a number above 0"},
		"/api/history?limit=x":                                      {http.StatusBadRequest, "limit is not a number above 0"},
		"/api/history/" + id:                                        {http.StatusOK, `"verb":"create","before":"","after":"apiVersion: networking.istio.io/v1\n`},
		"/api/history/g-00":                                         {http.StatusBadRequest, `"controlplane history" lists them`},
		"/api/history-diff":                                         {http.StatusBadRequest, "names no generation"},
		"/api/history-diff?from=current&to=previous":                {http.StatusOK, `"verb":"delete"`},
		"/api/history-diff?from=current&to=previous&host=web":       {http.StatusOK, `"changes":[]`},
		"/api/history-diff?from=current&to=1&xds=true&pod=shop/web": {http.StatusBadRequest, "no such pod"},
		"/api/history-diff?from=current&to=1&xds=true":              {http.StatusServiceUnavailable, "cannot make the World"},
	} {
		status, body := get(path)
		text := strings.ReplaceAll(want.text, "\n", `\n`)
		if status != want.status || !strings.Contains(body, text) || strings.Contains(body, "null") {
			t.Errorf("%s: got %d %s, want %d and %s", path, status, body, want.status, text)
		}
		if status == http.StatusOK && !json.Valid([]byte(body)) {
			t.Errorf("%s: the answer is not JSON", path)
		}
	}
}
