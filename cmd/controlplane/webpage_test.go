package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWebPages: a proxy, an ingress or a login page answers in place of a control plane or of an API server. The error is
// one line, without the page.
func TestWebPages(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadGateway, http.StatusServiceUnavailable} {
		page := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			fmt.Fprint(w, "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n")
		}
		login := httptest.NewServer(http.HandlerFunc(page))
		defer login.Close()
		redirects := httptest.NewServer(http.RedirectHandler(login.URL+"/login", http.StatusFound))
		defer redirects.Close()
		kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
		text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: '%s'}}]\nusers: [{name: a, user: {}}]\n"+
			"contexts: [{name: a, context: {cluster: a, user: a}}]\n", login.URL)
		if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, where := range map[string]string{
			"at its address": "--address " + strings.TrimPrefix(login.URL, "http://"),
			"redirected":     "--address " + strings.TrimPrefix(redirects.URL, "http://"),
			"a cluster":      "--kubeconfig " + kubeconfig,
		} {
			for _, args := range []string{
				"inspect problems", "inspect wait", "inspect clients x", "describe pod a/b", "describe host a", "explain --to a --call /a.B/C", "version",
				"check", "check install", "uninstall --conditions", "ui --no-browser", "bug-report --file " + filepath.Join(t.TempDir(), "report.tgz"),
			} {
				onlyCluster := strings.HasPrefix(args, "check") || strings.HasPrefix(args, "uninstall")
				if onlyCluster && name != "a cluster" {
					continue
				}
				t.Run(fmt.Sprintf("%d %s %s", status, name, args), func(t *testing.T) {
					got := command(t.Context(), "", strings.Fields(args+" "+where)...)
					output := got.stdout + got.err
					if got.code == exitOK || !strings.Contains(output, "a web page (") || strings.Contains(output, "<") || strings.Contains(output, "invalid character") {
						t.Errorf("got exit code %d and %q, want a failure that names the web page", got.code, output)
					}
					if name == "redirected" && !strings.Contains(output, "from "+strings.TrimPrefix(login.URL, "http://")) {
						t.Errorf("got %q, want in it where it was redirected to", output)
					}
				})
			}
		}
	}
}
