package kube

import (
	"strings"
	"testing"
)

const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://b.example:6443"}}]
users: [{name: u, user: {token: secret}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`

// TestRemoteConfig reads kubeconfigs of which some would run a command, or have the control plane send one of its files to a
// server.
func TestRemoteConfig(t *testing.T) {
	user := func(fields string) string { return strings.Replace(kubeconfig, "token: secret", fields, 1) }
	cluster := func(fields string) string {
		return strings.Replace(kubeconfig, `6443"`, `6443", `+fields, 1)
	}
	for name, test := range map[string]struct{ cluster, text, want string }{
		"a token":                     {"b", kubeconfig, ""},
		"a long name":                 {strings.Repeat("b", 63), kubeconfig, ""},
		"a name that is long":         {strings.Repeat("b", 64), kubeconfig, "is not a name of a cluster"},
		"a name of a folder":          {"..", kubeconfig, "is not a name of a cluster"},
		"a name with an at":           {"a@b", kubeconfig, "is not a name of a cluster"},
		"no YAML":                     {"b", "{", "cannot be read"},
		"another kind":                {"b", "apiVersion: v1\nkind: Secret", "cannot be read: it is not an object of kind Config with apiVersion v1."},
		"a word":                      {"b", "nonsense", "cannot be read: it is not an object of kind Config with apiVersion v1."},
		"a tab in YAML":               {"b", "a:\n\tb: c", "it is not YAML: line 2"},
		"no TLS":                      {"b", strings.Replace(kubeconfig, "https", "http", 1), `server of the kubeconfig is "http://b.example:6443" and not an https URL`},
		"no scheme":                   {"b", strings.Replace(kubeconfig, "https://", "", 1), "and not an https URL"},
		"TLS in capitals":             {"b", strings.Replace(kubeconfig, "https", "HTTP", 1), "and not an https URL"},
		"nothing":                     {"b", "\n", "The kubeconfig is empty."},
		"no context":                  {"b", strings.Replace(kubeconfig, "current-context: x", "", 1), "no current context"},
		"no such context":             {"b", strings.Replace(kubeconfig, "current-context: x", "current-context: other", 1), "no current context"},
		"no user":                     {"b", strings.Replace(kubeconfig, "user: u}", "user: v}", 1), "has no user"},
		"no server":                   {"b", strings.Replace(kubeconfig, `server: "https://b.example:6443"`, "", 1), "has no user, no cluster or no server"},
		"a command":                   {"b", user("exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never}"), "exec of the kubeconfig runs a command"},
		"a plugin":                    {"b", user("auth-provider: {name: gcp}"), "auth-provider of the kubeconfig runs a plugin"},
		"a file with a token":         {"b", user("tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token"), "tokenFile of the kubeconfig names a file"},
		"a token and a file":          {"b", user("token: a, tokenFile: /etc/passwd"), "tokenFile of the kubeconfig names a file"},
		"a certificate's file":        {"b", user("client-certificate: /a, client-key-data: aaaa"), "client-certificate of the kubeconfig names a file"},
		"a key's file":                {"b", user("client-key: /a"), "client-key of the kubeconfig names a file"},
		"an authority's file":         {"b", cluster("certificate-authority: /a"), "certificate-authority of the kubeconfig names a file"},
		"an authority that is no PEM": {"b", cluster("certificate-authority-data: bm90IFBFTQ=="), "certificate-authority-data of the kubeconfig has no usable PEM certificate: "},
		"an authority that is cut": {
			"b", cluster("certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="),
			"certificate-authority-data of the kubeconfig has no usable PEM certificate: x509: malformed certificate.",
		},
		"an authority that is no base64": {"b", cluster("certificate-authority-data: -----BEGIN"), "certificate-authority-data, client-certificate-data or client-key-data is not base64."},
		"a certificate that is no PEM":   {"b", user("client-certificate-data: bm90IFBFTQ==, client-key-data: bm90IFBFTQ=="), "client-certificate-data and client-key-data of the kubeconfig are not a PEM certificate and its key: "},
		"a megabyte":                     {"b", kubeconfig + strings.Repeat("\n", 1<<20), "bytes, and at most 131072 are read. Keep its current context alone."},
		"no verification":                {"b", cluster("insecure-skip-tls-verify: true"), "shows the credentials to any server"},
	} {
		t.Run(name, func(t *testing.T) {
			config, wrong := remoteConfig(test.cluster, []byte(test.text))
			if test.want == "" && (wrong != "" || config.Host != "https://b.example:6443" || config.BearerToken != "secret") {
				t.Errorf("got %+v and %q", config, wrong)
			}
			if strings.Contains(wrong, "Go ") {
				t.Errorf("got %q, which is about types of Go", wrong)
			}
			if test.want != "" && (!strings.Contains(wrong, test.want) || config != nil || !strings.HasSuffix(wrong, ".")) {
				t.Errorf("got %q, want a sentence with %q", wrong, test.want)
			}
		})
	}
}
