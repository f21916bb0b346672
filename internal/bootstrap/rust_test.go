package bootstrap_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// TestRust has the addresses that tonic-xds accepts: by its checks a URL is encrypted if and only if the credentials are.
func TestRust(t *testing.T) {
	for name, tt := range map[string]struct {
		options bootstrap.Options
		uri     string
	}{
		"default":      {bootstrap.Options{}, "http://127.0.0.1:15010"},
		"name":         {bootstrap.Options{ServerURI: "mizzen.mizzen-system.svc:15010"}, "http://mizzen.mizzen-system.svc:15010"},
		"gRPC target":  {bootstrap.Options{ServerURI: "dns:///mizzen:15010"}, "http://mizzen:15010"},
		"IPv6":         {bootstrap.Options{ServerURI: "[fd00::1]:15010"}, "http://[fd00::1]:15010"},
		"encrypted":    {bootstrap.Options{ServerURI: "mizzen:15012", Connection: bootstrap.Connection{TLS: true, Authorities: "/ca.crt"}}, "https://mizzen:15012"},
		"TLS alone":    {bootstrap.Options{Connection: bootstrap.Connection{TLS: true}}, "https://127.0.0.1:15012"},
		"proved by it": {bootstrap.Options{ServerURI: "mizzen:15012", Connection: bootstrap.Connection{TLS: true, Certificate: "/tls.crt", Key: "/tls.key"}}, "https://mizzen:15012"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := bootstrap.Rust(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Servers []struct {
					URI   string `json:"server_uri"`
					Creds []struct {
						Type   string `json:"type"`
						Config struct {
							Authorities string `json:"ca_certificate_file"`
							Certificate string `json:"certificate_file"`
							Key         string `json:"private_key_file"`
						} `json:"config"`
					} `json:"channel_creds"`
				} `json:"xds_servers"`
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Servers) != 1 || got.Servers[0].URI != tt.uri {
				t.Fatalf("got %+v, want one with %s", got.Servers, tt.uri)
			}
			if creds := got.Servers[0].Creds[0].Type; (creds == "tls") != tt.options.Connection.TLS {
				t.Errorf("got credentials %s for %s", creds, tt.uri)
			}
			files, want := got.Servers[0].Creds[0].Config, tt.options.Connection
			if files.Authorities != want.Authorities || files.Certificate != want.Certificate || files.Key != want.Key {
				t.Errorf("got files %+v, want %+v", files, want)
			}
		})
	}
}

// TestRustRefuses has options that tonic-xds would not follow.
func TestRustRefuses(t *testing.T) {
	for want, options := range map[string]bootstrap.Options{
		"one control plane":   {Fallbacks: []string{"b:1"}},
		"a token":             {Connection: bootstrap.Connection{TLS: true, Token: "/token"}},
		"are not encrypted":   {Certificates: map[string]bootstrap.Certificates{"default": {Roots: "/ca.crt"}}},
		"no use for --server": {Server: true},
		"write HOST:PORT":     {ServerURI: "unix:///run/mizzen"},
		`"ipv4:127.0.0.1:1"`:  {ServerURI: "ipv4:127.0.0.1:1"},
		`"dns://8.8.8.8/m:1"`: {ServerURI: "dns://8.8.8.8/m:1"},
	} {
		if _, err := bootstrap.Rust(options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
