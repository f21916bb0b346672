package main

import (
	"strings"
	"testing"
)

func TestBootstrapWithCertificates(t *testing.T) {
	for name, test := range map[string]struct {
		flags string
		want  []string // parts of the document, without white space
	}{
		"a folder": {"--certificates /certs", []string{
			`"CERTIFICATE_PROVIDERS":["default"]`, `"certificate_file":"/certs/tls.crt","private_key_file":"/certs/tls.key","ca_certificate_file":"/certs/ca.crt","refresh_interval":"60s"`,
			`"server_listener_resource_name_template":"grpc/server?xds.resource.listening_address=%s"`,
		}},
		"a server without certificates": {"--server", []string{`"server_listener_resource_name_template":"grpc/server?xds.resource.listening_address=%s"`}},
		"Istio's files": {"--certificates shop=/certs --certificate-layout istio --certificate-refresh 1h", []string{
			`"CERTIFICATE_PROVIDERS":["shop"]`,
			`"certificate_file":"/certs/cert-chain.pem","private_key_file":"/certs/key.pem","ca_certificate_file":"/certs/root-cert.pem","refresh_interval":"3600s"`,
		}},
		"variables": {"--system-roots --sni", []string{
			`"metadata":{"NAMESPACE":"default","GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS":"true","GRPC_EXPERIMENTAL_XDS_SNI":"true"}`,
		}},
		"several": {"--certificates /a --certificates shop=/b --authorities system=/c", []string{
			`"CERTIFICATE_PROVIDERS":["default","shop","system"]`, `"system":{"plugin_name":"file_watcher","config":{"ca_certificate_file":"/c"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"bootstrap"}, strings.Fields(test.flags)...)...)
			document := strings.Join(strings.Fields(got.stdout), "")
			for _, want := range test.want {
				if got.code != 0 || !strings.Contains(document, want) {
					t.Errorf("got %d %s, want %s in %s", got.code, got.err, want, document)
				}
			}
		})
	}
}

func TestBootstrapRejectsCertificates(t *testing.T) {
	for name, test := range map[string]struct{ flags, want string }{
		"no name":           {"--certificates =/certs", "--certificates"},
		"no folder":         {"--certificates shop=", "--certificates"},
		"a name twice":      {"--certificates /a --certificates default=/b", `"default"`},
		"no file":           {"--authorities system", "--authorities"},
		"an unknown layout": {"--certificates /a --certificate-layout pem", "--certificate-layout"},
		"read too often":    {"--certificates /a --certificate-refresh 1ms", "second"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"bootstrap"}, strings.Fields(test.flags)...)...)
			if got.code == 0 || !strings.Contains(got.err, test.want) {
				t.Errorf("got %d %q, want an error about %s", got.code, got.err, test.want)
			}
		})
	}
}
