package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browse is a browser at an admin address.
func browse(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// follow reads events until one has the text in it. It calls begun when the first one arrives.
func follow(ctx context.Context, browser *http.Client, url, text string, begun func()) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := browser.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return fmt.Errorf("got %d and %s", response.StatusCode, kind)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		begun()
		begun = func() {}
		if strings.Contains(lines.Text(), text) {
			return nil
		}
	}
	return fmt.Errorf("the events ended without %q: %w", text, lines.Err())
}

// TestPage: the whole way of a browser. The page loads without the token, its data does not; after the sign-in it is told what
// changes, and its stream ends when the process does.
func TestPage(t *testing.T) {
	dir, token := t.TempDir(), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--files", dir, "--admin-token", token)
	browser, at := browse(t), "http://"+s.admin
	ask := func(method, path, body string) int {
		t.Helper()
		request, err := http.NewRequest(method, at+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	data := []string{"/api/about", "/api/codes", "/api/hosts", "/api/hosts/x", "/api/streams", "/api/streams/x", "/api/events", "/api/edges", "/api/problems"}
	for _, path := range data {
		if got := ask(http.MethodGet, path, ""); got != http.StatusUnauthorized {
			t.Errorf("%s without the token: got %d, want 401", path, got)
		}
	}
	if got := ask(http.MethodGet, "/ui/", ""); got != http.StatusOK {
		t.Errorf("the page without the token: got %d, want 200", got)
	}
	if got := ask(http.MethodPost, "/ui/session", `{"token": "correct horse battery staple"}`); got != http.StatusNoContent {
		t.Fatalf("signing in: got %d, want 204", got)
	}
	for _, path := range data {
		if got := ask(http.MethodGet, path, ""); got == http.StatusUnauthorized || got == http.StatusForbidden {
			t.Errorf("%s after the sign-in: got %d", path, got)
		}
		if path == "/api/events" {
			continue
		}
		if got := ask(http.MethodPost, path, ""); got == http.StatusOK {
			t.Errorf("POST %s with the cookie: got 200: it is good for reading only", path)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := make(chan error, 1)
	go func() {
		seen <- follow(ctx, browser, at+"/api/events", `"hosts":1`, func() {})
	}()
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{port: 80}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-seen; err != nil {
		t.Errorf("a Service in the folder: %v", err)
	}
	begun := make(chan struct{})
	go func() {
		seen <- follow(ctx, browser, at+"/api/events", `{"why":"shutdown"}`, func() { close(begun) })
	}()
	select {
	case <-begun:
	case err := <-seen:
		t.Fatal(err)
	}
	if got := s.stop(); got.code != exitOK {
		t.Errorf("got exit code %d: %s", got.code, got.err)
	}
	if err := <-seen; err != nil {
		t.Errorf("the end of the process: %v", err)
	}
}

// TestBrowsersThatNeverRead: 1,000 browsers that follow the events and never read them take the places that there are, and nothing
// else: lists are answered, the next viewer is told why it has no place, and has one when they leave. They do not keep the process
// from ending.
func TestBrowsersThatNeverRead(t *testing.T) {
	s := startServe(t, "--files", t.TempDir())
	connect := func(n int) (leave func()) {
		var all []net.Conn
		for range n {
			conn, err := net.Dial("tcp", s.admin)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
			fmt.Fprint(conn, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		return func() {
			for _, conn := range all {
				conn.Close()
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// try follows the events until the answer is or is not that there is no place.
	try := func(want bool) {
		t.Helper()
		for {
			err := follow(ctx, browse(t), "http://"+s.admin+"/api/events", "event: edges", func() {})
			if refused := err != nil && strings.Contains(err.Error(), "got 503"); refused != want && ctx.Err() == nil {
				continue
			}
			if want != (err != nil) {
				t.Errorf("got %v, want a refusal: %t", err, want)
			}
			return
		}
	}
	leave := connect(1000)
	try(true)
	if status, body := get(t, s, "/api/hosts"); status != http.StatusOK {
		t.Errorf("a list: got %d %q", status, body)
	}
	leave()
	try(false)
	defer connect(100)()
	began := time.Now()
	if got := s.stop(); got.code != exitOK {
		t.Errorf("got exit code %d: %s", got.code, got.err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the process took %v to end", took)
	}
}

// TestPageOverMetrics: the address for metrics alone has neither the page nor its data.
func TestPageOverMetrics(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	startServe(t, "--files", t.TempDir(), "--metrics-address", address)
	for _, path := range []string{"/ui/", "/ui/session", "/api/events", "/api/hosts", "/api/about"} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, response.StatusCode)
		}
	}
}

// TestPageOfTheDemo: what the page shows of the embedded demo.
func TestPageOfTheDemo(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("TMPDIR", t.TempDir())
	s := startServe(t)
	for path, want := range map[string]string{
		"/api/about": `"source":"the embedded demo"`,
		"/api/hosts": `"host":"greeter.demo.svc.cluster.local"`,
		"/api/hosts/greeter.demo.svc.cluster.local": `"rule":"split"`,
	} {
		if status, body := get(t, s, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %q, want %s in it", path, status, body, want)
		}
	}
}
