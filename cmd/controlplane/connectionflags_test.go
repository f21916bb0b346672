package main

import (
	"strings"
	"testing"
)

func TestBootstrapOverTLS(t *testing.T) {
	for name, test := range map[string]struct {
		flags      string
		want, lack string // what the document contains and lacks, without white space
	}{
		"a token": {
			"--tls-ca /ca.crt --token /token --node-id me",
			`"channel_creds":[{"type":"tls","config":{"ca_certificate_file":"/ca.crt"}}],"call_creds":[{"type":"jwt_token_file","config":{"jwt_token_file":"/token"}}]`,
			"NAMESPACE",
		},
		"a certificate": {
			"--tls-ca /ca.crt --tls-client-certificate /certs --certificate-layout istio --node-id me",
			`"config":{"certificate_file":"/certs/cert-chain.pem","private_key_file":"/certs/key.pem","ca_certificate_file":"/ca.crt"}`,
			"NAMESPACE",
		},
		"neither": {"--tls-ca system", `"channel_creds":[{"type":"tls"}],"server_features"`, "call_creds"},
		"a namespace that is said all the same": {
			"--tls-ca /ca.crt --token /token --namespace shop", `"metadata":{"NAMESPACE":"shop"}`, "insecure",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"bootstrap"}, strings.Fields(test.flags)...)...)
			document := strings.Join(strings.Fields(got.stdout), "")
			if got.code != 0 || !strings.Contains(document, test.want) || strings.Contains(document, test.lack) {
				t.Errorf("got %d %s, want %s and no %s in %s", got.code, got.err, test.want, test.lack, document)
			}
		})
	}
}

func TestBootstrapRejectsProofsInPlaintext(t *testing.T) {
	for name, test := range map[string]struct{ flags, want string }{
		"a token":           {"--token /token", "need --tls-ca"},
		"a certificate":     {"--tls-client-certificate /certs", "need --tls-ca"},
		"an unknown layout": {"--tls-ca system --tls-client-certificate /certs --certificate-layout pem", "--certificate-layout"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"bootstrap"}, strings.Fields(test.flags)...)...)
			if got.code != exitUsage || !strings.Contains(got.err, test.want) {
				t.Errorf("got %d %q, want an error about %s", got.code, got.err, test.want)
			}
		})
	}
}
