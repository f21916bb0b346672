package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// TestUI: the address of the page is printed, and the page is there. With a token, the command says what the page asks for.
func TestUI(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, guarded := startServe(t, "--files", t.TempDir()), startServe(t, "--files", t.TempDir(), "--admin-token", token)
	for name, test := range map[string]struct {
		server *runningServe
		args   []string
		says   string
	}{
		"open":                   {open, nil, ""},
		"guarded":                {guarded, nil, "paste the content of the file of the control plane's --admin-token"},
		"guarded, with its file": {guarded, []string{"--admin-token", token}, "paste the content of " + token},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"ui", "--no-browser", "--address", test.server.admin}, test.args...)...)
			url := strings.TrimSpace(got.stdout)
			if got.code != exitOK || url != "http://"+test.server.admin+"/ui/" || !strings.Contains(got.err, test.says) {
				t.Fatalf("got %+v, want the address of the page, and %q", got, test.says)
			}
			if strings.Contains(got.stdout+got.err, "correct horse") {
				t.Errorf("the token is printed: %+v", got)
			}
			response, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "Mizzen") {
				t.Errorf("the page: got %d %q (%v)", response.StatusCode, body, err)
			}
		})
	}
}

// TestUIFolder serves a folder until the command is interrupted.
func TestUIFolder(t *testing.T) {
	dir := t.TempDir()
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{port: 80}]}\n"
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, in := io.Pipe()
	done := make(chan int, 1)
	var stderr strings.Builder
	go func() {
		done <- execute(ctx, []string{"ui", "--no-browser", "--files", dir}, stdio{in: strings.NewReader(""), out: in, err: &stderr})
		in.Close()
	}()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("got exit code %d and no address:\n%s", <-done, stderr.String())
	}
	response, err := http.Get(strings.Replace(lines.Text(), "/ui/", "/api/hosts", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), `"cart.shop.svc.cluster.local"`) {
		t.Errorf("got %q (%v), want the host of the folder", body, err)
	}
	cancel()
	if code := <-done; code != exitOK || !strings.Contains(stderr.String(), "serving the folder "+dir) {
		t.Errorf("got exit code %d and %q", code, stderr.String())
	}
}

func TestUIFlags(t *testing.T) {
	for args, want := range map[string]string{
		"--files x --address 127.0.0.1:1":   "--files excludes the flags that name a running control plane",
		"--files x --replica a":             "--files excludes",
		"--files=":                          "--files is empty",
		"--address 127.0.0.1:1,127.0.0.1:2": "--address has 2 addresses",
		"--address 127.0.0.1:1 --replica a": "--replica is for a cluster",
		"x":                                 `unexpected argument "x"`,
		"--no-browser --files " + t.TempDir() + "/no-such": "no such file",
		"--no-browser --files " + os.Args[0]:               "is not a folder",
		"--no-browser --address 127.0.0.1:1":               "no control plane answers at 127.0.0.1:1",
	} {
		got := command(t.Context(), "", append([]string{"ui"}, strings.Fields(args)...)...)
		if got.code == exitOK || !strings.Contains(got.err, want) {
			t.Errorf("%s: got %+v, want %q", args, got, want)
		}
	}
}

// TestUIOfOlderControlPlane: what answers has no page.
func TestUIOfOlderControlPlane(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	got := command(t.Context(), "", "ui", "--no-browser", "--address", strings.TrimPrefix(server.URL, "http://"))
	if got.code != exitFailure || !strings.Contains(got.err, "the control plane is older than this command") {
		t.Errorf("got %+v", got)
	}
}

// TestBrowser: the browser gets the address, as one argument.
func TestBrowser(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	script := filepath.Join(t.TempDir(), "browser")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho \"$# $1\" >%s.part && mv %[1]s.part %[1]s\n", out), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BROWSER", script)
	s := startServe(t, "--files", t.TempDir())
	if got := command(t.Context(), "", "ui", "--address", s.admin); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	var text []byte
	for deadline := time.Now().Add(10 * time.Second); len(text) == 0 && time.Now().Before(deadline); {
		text, _ = os.ReadFile(out)
	}
	if want := "1 http://" + s.admin + "/ui/\n"; string(text) != want {
		t.Errorf("the browser got %q, want %q", text, want)
	}
	for name, test := range map[string]struct {
		system    string
		variables map[string]string
		want      []string
	}{
		"Linux":                     {"linux", map[string]string{"DISPLAY": ":0"}, []string{"xdg-open", "u"}},
		"Wayland":                   {"linux", map[string]string{"WAYLAND_DISPLAY": "w"}, []string{"xdg-open", "u"}},
		"Linux without a display":   {"linux", nil, nil},
		"macOS":                     {"darwin", nil, []string{"open", "u"}},
		"Windows":                   {"windows", nil, []string{"rundll32", "url.dll,FileProtocolHandler", "u"}},
		"a browser of one's choice": {"darwin", map[string]string{"BROWSER": "lynx"}, []string{"lynx", "u"}},
	} {
		got := browserCommand(test.system, func(name string) string { return test.variables[name] }, "u")
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestOneReplica: of several replicas one is asked, the first one or the one that is named.
func TestOneReplica(t *testing.T) {
	for name, test := range map[string]struct{ chosen, asked, fault string }{
		"the first": {"", "/pods/a/portforward", "forward a port of pod a"},
		"named":     {"b", "/pods/b/portforward", "forward a port of pod b"},
		"unknown":   {"c", "", "there is no replica c: those that run are a, b"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := map[string]bool{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/portforward") {
					asked[strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/home")] = true
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"b"},"status":{"phase":"Running"}},{"metadata":{"name":"a"},"status":{"phase":"Running"}}]}`)
			}))
			defer server.Close()
			group, ctx := errgroup.WithContext(t.Context())
			ctx, cancel := context.WithCancel(ctx)
			only := &choice{name: test.chosen, port: uiPort}
			_, err := forwardAll(ctx, group, &rest.Config{Host: server.URL}, "home", only)
			cancel()
			_ = group.Wait()
			if err == nil || !strings.Contains(err.Error(), test.fault) || !slices.Equal(only.names, []string{"a", "b"}) {
				t.Errorf("got %v of %q, want %q of a, b", err, only.names, test.fault)
			}
			if test.asked != "" && (len(asked) != 1 || !asked[test.asked]) {
				t.Errorf("got requests for %v, want for %s alone", asked, test.asked)
			}
		})
	}
}
