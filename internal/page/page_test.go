package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/page"
)

func get(path string, headers map[string]string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	page.Handler().ServeHTTP(answer, request)
	return answer
}

func TestFiles(t *testing.T) {
	for path, want := range map[string]struct {
		status      int
		contentType string
		text        string
	}{
		"/ui/":           {http.StatusOK, "text/html; charset=utf-8", "<title>Mizzen</title>"},
		"/ui/index.html": {http.StatusOK, "text/html; charset=utf-8", "<title>Mizzen</title>"},
		"/ui/nothing.js": {http.StatusNotFound, "text/plain; charset=utf-8", "no such file"},
		"/ui/../page.go": {http.StatusNotFound, "text/plain; charset=utf-8", "no such file"},
		"/ui/dist":       {http.StatusNotFound, "text/plain; charset=utf-8", "no such file"},
	} {
		got := get(path, nil)
		if got.Code != want.status || got.Header().Get("Content-Type") != want.contentType || !strings.Contains(got.Body.String(), want.text) {
			t.Errorf("%s: got %d %q %q, want %d %q and %q in it", path, got.Code, got.Header().Get("Content-Type"), got.Body, want.status, want.contentType, want.text)
		}
	}
}

// TestCaching: a browser that has a file is told so, and asks each time.
func TestCaching(t *testing.T) {
	first := get("/ui/", nil)
	tag := first.Header().Get("Etag")
	if len(tag) < 10 || first.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("got the tag %q and Cache-Control %q", tag, first.Header().Get("Cache-Control"))
	}
	again := get("/ui/", map[string]string{"If-None-Match": tag})
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("with the same tag: got %d and %d bytes, want 304 and none", again.Code, again.Body.Len())
	}
	if other := get("/ui/", map[string]string{"If-None-Match": `"x"`}); other.Code != http.StatusOK {
		t.Errorf("with another tag: got %d, want 200", other.Code)
	}
}

// TestNothingInline: the page is served under a policy that runs no scripts and applies no styles inside HTML, and loads
// nothing from elsewhere.
func TestNothingInline(t *testing.T) {
	html := get("/ui/", nil).Body.String()
	for _, bad := range []string{"<style", " style=", "onclick=", "onload=", "http://", "https://", "<script>"} {
		if strings.Contains(html, bad) {
			t.Errorf("index.html contains %q", bad)
		}
	}
}
