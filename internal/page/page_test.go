package page_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

// TestBundleIsOfItsSources: the committed bundle was made from what is in ui. It needs no Node; make ui-check builds it again, too.
func TestBundleIsOfItsSources(t *testing.T) {
	const sources = "../../ui"
	names, err := filepath.Glob(filepath.Join(sources, "src", "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("got the sources %v (%v)", names, err)
	}
	for i, name := range names {
		names[i] = "src/" + filepath.Base(name)
	}
	names = append(names, "build.mjs", "index.html", "package-lock.json")
	slices.Sort(names)
	hash := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(sources, name))
		if err != nil {
			t.Fatal(err)
		}
		hash.Write([]byte(name + "\n"))
		hash.Write(text)
	}
	if want := "// Sources: " + hex.EncodeToString(hash.Sum(nil)); !strings.Contains(get("/ui/main.js", nil).Body.String(), want) {
		t.Errorf("main.js has no %q: run make ui", want)
	}
}
