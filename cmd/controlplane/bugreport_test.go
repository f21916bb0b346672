package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// unpacked returns the files of an archive by name.
func unpacked(t *testing.T, file string) map[string]string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	packed, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(header.Name, "mizzen-bug-report/")] = string(text)
	}
}

// planted are secrets in the forms in which texts have them.
var planted = map[string]string{
	"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl": "a token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl of a pod",
	"MIIEowIBAAKCAQEA":         "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n",
	"MC4CAQAwBQYDK2Vw":         `"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n"`,
	"c29tZXRoaW5nLXNlY3JldA":   "Authorization: Bearer c29tZXRoaW5nLXNlY3JldA==",
	"dXNlcjpwYXNz":             `"authorization":"Basic dXNlcjpwYXNz"`,
	"hunter2":                  "db_password=hunter2",
	"swordfish":                `"password": "swordfish"`,
	"AKIAIOSFODNN7":            "access-key: AKIAIOSFODNN7",
	"opensesame":               "https://user:opensesame@example.org/path",
	"0123456789abcdef-admin":   "the operator typed 0123456789abcdef-admin",
	"session-of-somebody":      "cookie=session-of-somebody; path=/",
	"x-api-key-of-an-app-1234": "x-api-key: x-api-key-of-an-app-1234",
}

func TestBugReport(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef-admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var leaks strings.Builder
	for _, text := range planted {
		leaks.WriteString("before " + text + " after\n")
	}
	lists := map[string][]string{"/readyz": {"ok\n"}, "/metrics": {leaks.String()}, "/debug/pprof/goroutine": {"goroutine profile: total 1\n"}, "/api/deliveries": {"[]\n"}, "/api/servers": {"[]\n"}, "/api/policies": {"[]\n"}, "/api/clusters": {"[]\n"}, "/api/rollouts": {"[]\n"}, "/api/edges": {"[]\n"}, "/api/history": {"[]\n"}}
	for path, text := range answers {
		lists[path] = []string{text}
	}
	a, down := adminAt(t, lists), adminAt(t, nil)
	file := filepath.Join(dir, "report.tar.gz")
	got := command(t.Context(), "", "bug-report", "--address", a, "--admin-token", token, "--file", file)
	if got.code != exitOK || got.stdout != file+"\n" {
		t.Fatalf("got %+v, want the name of the file", got)
	}
	files := unpacked(t, file)
	for _, name := range []string{"version.txt", "replica/ready.txt", "replica/metrics.txt", "replica/clients.json", "replica/resources.json", "replica/problems.json", "replica/sync.json", "replica/unknown.json", "replica/servers.json", "replica/policies.json", "replica/clusters.json", "replica/rollouts.json", "replica/edges.json", "replica/history.json", "replica/goroutines.txt"} {
		if files[name] == "" {
			t.Errorf("the report has no %s", name)
		}
	}
	for name, text := range files {
		for secret := range planted {
			if strings.Contains(text, secret) {
				t.Errorf("%s has the secret %s:\n%s", name, secret, text)
			}
		}
	}
	if n := strings.Count(files["replica/metrics.txt"], " after\n"); n != len(planted) || files["replica/clients.json"] != answers["/api/clients"] {
		t.Errorf("%d of %d lines are left, or a list without secrets was changed", n, len(planted))
	}
	if got := command(t.Context(), "", "bug-report", "--address", a, "--file", file); got.code != exitFailure || !strings.Contains(got.err, "choose another file with --file") {
		t.Errorf("a file that exists: got %+v", got)
	}
	file = filepath.Join(dir, "partial.tar.gz")
	got = command(t.Context(), "", "bug-report", "--address", a+","+down, "--file", file)
	if files := unpacked(t, file); got.code != exitFailure || !strings.Contains(files["missing.txt"], "404") || files[strings.ReplaceAll(a, ":", "-")+"/clients.json"] == "" {
		t.Errorf("a replica is down: got %+v and %v", got, files)
	}
	delete(lists, "/api/unknown")
	file = filepath.Join(dir, "older.tar.gz")
	got = command(t.Context(), "", "bug-report", "--address", adminAt(t, lists), "--file", file)
	if files := unpacked(t, file); got.code != exitOK || !strings.Contains(files["missing.txt"], "replica/unknown.json") {
		t.Errorf("an older control plane: got %+v and %v, want 0 and what is missing", got, files["missing.txt"])
	}
	if got := command(t.Context(), "", "bug-report", "--file="); got.code != exitUsage {
		t.Errorf("no name for the file: got %+v", got)
	}
}

// TestBugReportHasLogs from a fake API server, without secrets.
func TestBugReportHasLogs(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Query().Get("previous") != "" {
			http.Error(w, "previous terminated container not found", http.StatusBadRequest)
			return
		}
		for _, text := range planted {
			_, _ = io.WriteString(w, text+"\n") // the test would fail
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "report.tar.gz")
	all := replicas{all: []replica{{name: "mizzen-0", err: errNotReady}}, config: &rest.Config{Host: server.URL}, home: "home"}
	std := stdio{out: io.Discard, err: io.Discard}
	if err := writeReport(t.Context(), std, all, file, time.Now()); err != nil {
		t.Fatal(err)
	}
	log := unpacked(t, file)["mizzen-0/log.txt"]
	for secret := range planted {
		if secret != "0123456789abcdef-admin" && strings.Contains(log, secret) {
			t.Errorf("the log has the secret %s:\n%s", secret, log)
		}
	}
	if !strings.Contains(log, removed) || !slices.Equal(asked, []string{"/api/v1/namespaces/home/pods/mizzen-0/log", "/api/v1/namespaces/home/pods/mizzen-0/log"}) {
		t.Errorf("asked for %q, got the log %q", asked, log)
	}
}

// TestBugReportWithoutLogs because the API server cannot be asked.
func TestBugReportWithoutLogs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.tar.gz")
	all := replicas{all: []replica{{name: "mizzen-0", err: errNotReady}}, config: &rest.Config{Host: "://"}, home: "home"}
	if err := writeReport(t.Context(), stdio{out: io.Discard, err: io.Discard}, all, file, time.Now()); err != nil {
		t.Fatal(err)
	}
	if missing := unpacked(t, file)["missing.txt"]; !strings.Contains(missing, "mizzen-0/log.txt: ") {
		t.Errorf("the report says that it lacks %q, want the log", missing)
	}
}
