package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminAddressRequiresItsToken(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--files", demoFolder(t), "--admin-address", "0.0.0.0:0", "--admin-token", token)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.admin, "[::]"), ":")
	s.admin = "127.0.0.1:" + port
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK,
		"/api/clients": http.StatusUnauthorized, "/api/explain": http.StatusUnauthorized, "/debug/pprof/": http.StatusUnauthorized,
	} {
		if got, body := get(t, s, path); got != want {
			t.Errorf("%s: got %d %q, want %d", path, got, body, want)
		}
	}
	explain := []string{"explain", "--address", s.admin, "--as", "demo", "--to", "greeter", "--call", "/helloworld.Greeter/SayHello"}
	for name, args := range map[string][]string{"inspect": {"inspect", "resources", "--address", s.admin}, "explain": explain} {
		if got := command(t.Context(), "", args...); got.code != exitFailure || !strings.Contains(got.err, "--admin-token") {
			t.Errorf("%s without the token: got %+v, want an error that names what is missing", name, got)
		}
		if got := command(t.Context(), "", append(args, "--admin-token", token)...); got.code != exitOK || !strings.Contains(got.stdout, "greeter") {
			t.Errorf("%s with the token: got %+v, want the greeter", name, got)
		}
	}
}

func TestAdminAddressNeedsLoopbackOrToken(t *testing.T) {
	short := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(short, []byte("guess me"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"any address":       {"--admin-address :15014", exitUsage, "--admin-token"},
		"an address":        {"--admin-address 192.0.2.1:15014", exitUsage, "--admin-token"},
		"a name":            {"--admin-address admin.example:15014", exitUsage, "--admin-token"},
		"a token too short": {"--admin-address :15014 --admin-token " + short, exitFailure, "shorter than"},
		"a token not there": {"--admin-token " + short + ".none", exitFailure, "--admin-token"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"serve", "--files", t.TempDir()}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.err, test.want) {
				t.Errorf("got %d %q, want %d and %q", got.code, got.err, test.code, test.want)
			}
		})
	}
	for _, address := range []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"} {
		if !onLoopback(address) {
			t.Errorf("%s counts as an address that other machines reach", address)
		}
	}
}
