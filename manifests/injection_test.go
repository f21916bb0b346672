package manifests_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/xds"
	"sigs.k8s.io/yaml"

	written "github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// bootstrap is what clients of all languages look at in the text that is injected.
type bootstrap struct {
	Servers []struct {
		URI          string `json:"server_uri"`
		ChannelCreds []struct {
			Type string `json:"type"`
		} `json:"channel_creds"`
		CallCreds []struct {
			Type string `json:"type"`
		} `json:"call_creds"`
	} `json:"xds_servers"`
	Node struct {
		ID       string           `json:"id"`
		Locality *json.RawMessage `json:"locality"`
		Metadata struct {
			Providers []string `json:"CERTIFICATE_PROVIDERS"`
		} `json:"metadata"`
	} `json:"node"`
	Template string `json:"server_listener_resource_name_template"`
}

// TestInjectedTextIsReadByAllLanguages: one kind of credentials, for of several an older client takes one that the port does not
// speak; no token without TLS; and an id and a locality, without which gRPC for Node refuses the text.
func TestInjectedTextIsReadByAllLanguages(t *testing.T) {
	for file, want := range map[string]struct {
		port, channel, call string
		providers           []string
	}{
		"injection/plaintext.json":          {":15010", "insecure", "", nil},
		"injection/tls.json":                {":15012", "tls", "jwt_token_file", nil},
		"injection/plaintext-identity.json": {":15010", "insecure", "", []string{"default"}},
		"injection/tls-identity.json":       {":15012", "tls", "jwt_token_file", []string{"default"}},
	} {
		text := read(t, file)
		var got bootstrap
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(got.Servers) != 1 || len(got.Servers[0].ChannelCreds) != 1 || len(got.Servers[0].CallCreds) > 1 {
			t.Fatalf("%s: got %+v, want one server and one kind of credentials", file, got.Servers)
		}
		server, call := got.Servers[0], ""
		for _, c := range server.CallCreds {
			call = c.Type
		}
		if !strings.HasSuffix(server.URI, want.port) || server.ChannelCreds[0].Type != want.channel || call != want.call {
			t.Errorf("%s: got %+v, want port %s, %s and %q", file, server, want.port, want.channel, want.call)
		}
		if got.Node.ID == "" || got.Node.Locality == nil {
			t.Errorf("%s: got node %+v, want an id and a locality", file, got.Node)
		}
		if !slices.Equal(got.Node.Metadata.Providers, want.providers) || got.Template != "grpc/server?xds.resource.listening_address=%s" {
			t.Errorf("%s: got the providers %v and the template %q, want %v and the one that servers of all languages ask by", file, got.Node.Metadata.Providers, got.Template, want.providers)
		}
		if _, err := xds.NewXDSResolverWithConfigForTesting(text); err != nil {
			t.Errorf("%s: gRPC for Go says %v", file, err)
		}
	}
}

// TestIdentityIsOneProvider: the text of a pod with a certificate is the text of a pod without one, and what the command
// bootstrap writes for the same files: one provider with all three, which gRPC for Java needs to renew them.
func TestIdentityIsOneProvider(t *testing.T) {
	const dir = "/var/run/secrets/mizzen.dev/identity/"
	text, err := written.JSON(written.Options{Certificates: map[string]written.Certificates{
		"default": {Certificate: dir + "tls.crt", Key: dir + "tls.key", Roots: dir + "ca.crt"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	parse := func(text []byte) (document map[string]any) {
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	want := parse(text)
	for _, transport := range []string{"plaintext", "tls"} {
		got, plain := parse(read(t, "injection/"+transport+"-identity.json")), parse(read(t, "injection/"+transport+".json"))
		for _, key := range []string{"certificate_providers", "server_listener_resource_name_template"} {
			if diff := cmp.Diff(want[key], got[key]); diff != "" {
				t.Errorf("%s, %s (-bootstrap --certificates +injected):\n%s", transport, key, diff)
			}
		}
		delete(got, "certificate_providers")
		metadata := got["node"].(map[string]any)["metadata"].(map[string]any)
		delete(metadata, "CERTIFICATE_PROVIDERS")
		for name := range mesh.FeatureVariables() {
			// The declaration is the variable's value, so that the two cannot differ.
			if metadata[name] != "$("+name+")" {
				t.Errorf("%s: %s is declared as %v, want a reference to it", transport, name, metadata[name])
			}
			delete(metadata, name)
		}
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("%s (-without identity +with identity):\n%s", transport, diff)
		}
	}
}

// TestTextsAgree: clusters that inject and those that cannot give pods the same.
func TestTextsAgree(t *testing.T) {
	for component, text := range map[string]string{
		"components/bootstrap/plaintext.yaml":       "injection/plaintext.json",
		"components/identity-secret/container.yaml": "injection/plaintext-identity.json",
	} {
		var patch []struct {
			Value struct {
				Name  string `json:"name"`
				Value string `json:"value"`
			} `json:"value"`
		}
		if err := yaml.Unmarshal(read(t, component), &patch); err != nil {
			t.Fatal(err)
		}
		var injected, written any
		for _, p := range patch {
			if p.Value.Name == "GRPC_XDS_BOOTSTRAP_CONFIG" {
				if err := json.Unmarshal([]byte(p.Value.Value), &written); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := json.Unmarshal(read(t, text), &injected); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(injected, written); diff != "" {
			t.Errorf("%s is not what is injected (-injected +component):\n%s", component, diff)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
