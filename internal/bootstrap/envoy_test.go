package bootstrap_test

import (
	"os"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestEnvoy compares the bootstraps of Envoys with goldens, each of which is a valid message of Envoy's API.
func TestEnvoy(t *testing.T) {
	for name, options := range map[string]bootstrap.Options{
		"envoy": {Hostname: "laptop"},
		"envoy_full": {
			ServerURI: "mizzen.mizzen-system.svc:15012", NodeID: "edge-1", Namespace: "edge", Labels: map[string]string{"app": "edge"}, ServiceAccount: "edge", NodeName: "node-1",
			Locality:     mesh.Locality{Region: "eu", Zone: "eu-1"},
			Connection:   bootstrap.Connection{TLS: true, Authorities: "/mizzen/ca.crt", Certificate: "/mizzen/tls.crt", Key: "/mizzen/tls.key"},
			Certificates: map[string]bootstrap.Certificates{"default": {Certificate: "/certs/tls.crt", Key: "/certs/tls.key", Roots: "/certs/ca.crt"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			of := bootstrap.EnvoyOptions{Admin: bootstrap.DefaultEnvoyAdmin}
			if name == "envoy_full" {
				of.Egress = "127.0.0.1:15001"
			}
			got, err := bootstrap.Envoy(options, of)
			if err != nil {
				t.Fatal(err)
			}
			message := &bootstrapv3.Bootstrap{}
			if err := protojson.Unmarshal(got, message); err != nil {
				t.Fatal(err)
			}
			if err := message.ValidateAll(); err != nil {
				t.Error(err)
			}
			if api := message.GetDynamicResources().GetAdsConfig(); api.GetApiType() != corev3.ApiConfigSource_DELTA_GRPC || !api.GetSetNodeOnFirstMessageOnly() {
				t.Errorf("got %v, want the incremental protocol with the node in the first message", api)
			}
			want, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("bootstrap (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnvoyRefuses has options that an Envoy would not follow.
func TestEnvoyRefuses(t *testing.T) {
	for want, options := range map[string]bootstrap.Options{
		"one control plane":           {Fallbacks: []string{"b:1"}},
		"a token":                     {Connection: bootstrap.Connection{TLS: true, Token: "/token"}},
		"are for gRPC libraries":      {Server: true},
		"not HOST:PORT":               {ServerURI: "dns:///a:1"},
		"needs its region":            {Locality: mesh.Locality{Zone: "a"}},
		"belong together":             {Connection: bootstrap.Connection{TLS: true, Certificate: "/a"}},
		"for an encrypted connection": {Connection: bootstrap.Connection{Certificate: "/a", Key: "/b"}},
	} {
		if _, err := bootstrap.Envoy(options, bootstrap.EnvoyOptions{Admin: bootstrap.DefaultEnvoyAdmin}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// TestEgressIsOnLoopback has addresses by which others would call with the rights of the Envoy.
func TestEgressIsOnLoopback(t *testing.T) {
	for at, ok := range map[string]bool{"127.0.0.1:15001": true, "[::1]:15001": true, "0.0.0.0:15001": false, "10.0.0.1:15001": false, "localhost:15001": false, "15001": false, "127.0.0.1:0": false, "[::1%lo]:1": false, "[::ffff:127.0.0.1]:1": false} {
		if _, err := bootstrap.Envoy(bootstrap.Options{}, bootstrap.EnvoyOptions{Admin: bootstrap.DefaultEnvoyAdmin, Egress: at}); (err == nil) != ok {
			t.Errorf("%s: got error %v, want none: %t", at, err, ok)
		}
	}
}

// TestEgressBesideThePage has an egress on the port of Envoy's own page.
func TestEgressBesideThePage(t *testing.T) {
	for at, ok := range map[string]bool{"127.0.0.1:9901": false, "[::1]:9901": false, "127.0.0.1:19901": true, "127.0.0.1:990": true} {
		_, err := bootstrap.Envoy(bootstrap.Options{}, bootstrap.EnvoyOptions{Admin: bootstrap.DefaultEnvoyAdmin, Egress: at})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "same port") {
			t.Errorf("%s: got error %v, want none: %t", at, err, ok)
		}
	}
}

func TestEnvoySecret(t *testing.T) {
	options := bootstrap.Options{Certificates: map[string]bootstrap.Certificates{
		"default": {Certificate: "/certs/tls.crt", Key: "/certs/tls.key", Roots: "/certs/ca.crt"}, "system": {Roots: "/etc/ssl/ca.crt"},
	}}
	for name, want := range map[string]string{
		"default-certificate": `"filename": "/certs/tls.key"`, "default-authorities": `"filename": "/certs/ca.crt"`, "system-authorities": `"path": "/etc/ssl"`,
	} {
		if got, err := bootstrap.EnvoySecret(options, name); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: got %s and error %v, want %s in it", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"system-certificate": "authorities alone", "shop-authorities": "no certificate provider", "default": "not NAME-certificate"} {
		if _, err := bootstrap.EnvoySecret(options, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q", name, err, want)
		}
	}
}
