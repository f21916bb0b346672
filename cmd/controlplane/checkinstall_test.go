package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheckInstall: how the command ends and what it prints, by what the API server answers. What each check finds is tested in
// internal/installation.
func TestCheckInstall(t *testing.T) {
	version := func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/version": `{"gitVersion":"v1.37.2"}`, "/apis/admissionregistration.k8s.io/v1": `{"resources":[{"name":"mutatingadmissionpolicies"}]}`,
			"/apis/networking.istio.io/v1": `{"resources":[{"name":"virtualservices"},{"name":"destinationrules"}]}`,
			"/apis/security.istio.io/v1":   `{"resources":[{"name":"authorizationpolicies"},{"name":"peerauthentications"},{"name":"requestauthentications"}]}`,
		}
		answer, found := answers[r.URL.Path]
		if !found {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answer)) // the test misses it
	}
	const found = "OK    api-server           Kubernetes v1.37.2 answers and serves MutatingAdmissionPolicy.\n" +
		"OK    definitions          DestinationRule and VirtualService are served in networking.istio.io/v1.\n" +
		"OK    definitions          PeerAuthentication and AuthorizationPolicy and RequestAuthentication are served in security.istio.io/v1.\n" +
		"OK    definitions          The cluster has no CRDs of gateway.networking.k8s.io. They are needed only for GRPCRoutes and HTTPRoutes.\n" +
		"FAIL  deployment           There is no Deployment mizzen in namespace mesh. Install Mizzen as docs/INSTALL.md describes, or name its namespace with --mizzen-namespace.\n"
	cases := map[string]struct {
		handler http.HandlerFunc
		args    string
		code    int
		stdout  string
		stderr  string
	}{
		"no installation": {version, "--mizzen-namespace mesh", exitFailure, found, "1 failed, 0 warnings, 4 OK\n"},
		"as JSON":         {version, "-o json", exitFailure, `"check": "deployment",` + "\n    \"status\": \"FAIL\",\n", "1 failed, 0 warnings, 4 OK\n"},
		"no right at all": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "", exitFailure,
			"FAIL  api-server           The API server does not answer as one of Kubernetes: ", "1 failed, 0 warnings, 0 OK\n",
		},
		"a captive proxy": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\n<p>sign in")) }, "", exitFailure,
			"FAIL  api-server           The API server does not answer as one of Kubernetes: ", "1 failed, 0 warnings, 0 OK\n",
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			got := command(t.Context(), "", append([]string{"check", "install", "--kubeconfig", writeKubeconfig(t, server.URL)}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.stdout, test.stdout) || !strings.HasSuffix(got.err, test.stderr) {
				t.Errorf("got exit code %d,\n%s\nand\n%s\nwant %d,\n%s\nand at the end\n%s", got.code, got.stdout, got.err, test.code, test.stdout, test.stderr)
			}
		})
	}
}
