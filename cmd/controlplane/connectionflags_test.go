package main

import (
	"os"
	"path/filepath"
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

// TestBootstrapMakesPathsAbsolute expects that a client finds the files in whatever directory it runs.
func TestBootstrapMakesPathsAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"ca.crt", "token"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("certs", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ flags, want, note string }{
		"authorities and a token":  {"--tls-ca ca.crt --token ./token", `"DIR/ca.crt" "DIR/token"`, ""},
		"a certificate":            {"--tls-ca ca.crt --tls-client-certificate certs", `"DIR/certs/tls.crt" "DIR/certs/tls.key" "DIR/ca.crt"`, ""},
		"providers":                {"--certificates shop=certs --authorities system=ca.crt", `"DIR/certs/tls.crt" "DIR/certs/tls.key" "DIR/certs/ca.crt" "DIR/ca.crt"`, ""},
		"absolute, also elsewhere": {"--tls-ca /nowhere/ca.crt --token /nowhere/token", `"/nowhere/ca.crt" "/nowhere/token"`, ""},
		"missing": {
			"--tls-ca system --token tokn", `"DIR/tokn"`,
			"--token tokn does not exist here: the bootstrap names DIR/tokn. For another machine, write the absolute path of the file there.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"bootstrap"}, strings.Fields(test.flags)...)...)
			here := func(text string) string { return strings.ReplaceAll(text, "DIR", filepath.ToSlash(dir)) }
			for want := range strings.FieldsSeq(here(test.want)) {
				if got.code != 0 || !strings.Contains(got.stdout, want) {
					t.Errorf("got %d %s, want %s in %s", got.code, got.err, want, got.stdout)
				}
			}
			if got.err != here(test.note) {
				t.Errorf("got %q on standard error, want %q", got.err, here(test.note))
			}
		})
	}
}
