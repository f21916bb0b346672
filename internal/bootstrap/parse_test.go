package bootstrap_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

func TestParseServer(t *testing.T) {
	injected := func(name string) string {
		text, err := os.ReadFile("../../manifests/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	plaintext, two := injected("injection/plaintext.json"), injected("components/fallback/tls.json")
	tests := map[string]struct {
		text string
		want bootstrap.Server
		err  string
	}{
		"injected plaintext": {plaintext, bootstrap.Server{URI: "mizzen.mizzen-system.svc:15010"}, ""},
		"injected TLS": {
			injected("injection/tls.json"), bootstrap.Server{URI: "mizzen.mizzen-system.svc:15012", TLS: true, Authorities: "/var/run/secrets/mizzen.dev/ca.crt"}, "",
		},
		"with a certificate": {injected("injection/plaintext-identity.json"), bootstrap.Server{URI: "mizzen.mizzen-system.svc:15010", Providers: []string{"default"}}, ""},
		"declared alone": {
			strings.Replace(plaintext, `"metadata": {`, `"metadata": {"CERTIFICATE_PROVIDERS": ["default"], `, 1), bootstrap.Server{URI: "mizzen.mizzen-system.svc:15010"}, "",
		},
		"a control plane to fall back to": {two, bootstrap.Server{
			URI: "mizzen.mizzen-system.svc:15012", TLS: true, Authorities: "/var/run/secrets/mizzen.dev/ca.crt", Fallbacks: []string{"mizzen-fallback.mizzen-system.svc:15012"},
		}, ""},
		"no port to fall back to": {strings.Replace(two, "mizzen-fallback.mizzen-system.svc:15012", "mizzen-fallback", 1), bootstrap.Server{}, "has no port"},
		"others to fall back to":  {strings.Replace(two, `"tls", "config": {"ca_certificate_file": "/var/run/secrets/mizzen.dev/ca.crt"}`, `"insecure"`, 1), bootstrap.Server{}, "differ"},
		"nothing":                 {"", bootstrap.Server{}, "it is not JSON"},
		"no server":               {`{"node":{"id":"a"}}`, bootstrap.Server{}, "it has no xds_servers"},
		"no address":              {strings.Replace(plaintext, "mizzen.mizzen-system.svc:15010", "", 1), bootstrap.Server{}, "it has no server_uri"},
		"no port":                 {strings.Replace(plaintext, ":15010", "", 1), bootstrap.Server{}, "has no port"},
		"no node":                 {strings.Replace(plaintext, "mizzen~$(MIZZEN_NAMESPACE)~$(MIZZEN_POD)", "", 1), bootstrap.Server{}, "its node has no id"},
		"unknown credentials":     {strings.Replace(plaintext, `"insecure"`, `"google_default"`, 1), bootstrap.Server{}, "neither insecure nor tls"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := bootstrap.ParseServer([]byte(test.text))
			switch {
			case test.err == "" && (err != nil || !cmp.Equal(got, test.want)):
				t.Errorf("got %+v and %v, want %+v", got, err, test.want)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("got %v, want an error with %q", err, test.err)
			}
		})
	}
}
