package manifests_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/xds"
	"sigs.k8s.io/yaml"
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
	} `json:"node"`
}

// TestInjectedTextIsReadByAllLanguages: one kind of credentials, for of several an older client takes one that the port does not
// speak; no token without TLS; and an id and a locality, without which gRPC for Node refuses the text.
func TestInjectedTextIsReadByAllLanguages(t *testing.T) {
	for file, want := range map[string]struct{ port, channel, call string }{
		"injection/plaintext.json": {":15010", "insecure", ""},
		"injection/tls.json":       {":15012", "tls", "jwt_token_file"},
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
		if _, err := xds.NewXDSResolverWithConfigForTesting(text); err != nil {
			t.Errorf("%s: gRPC for Go says %v", file, err)
		}
	}
}

// TestTextsAgree: clusters that inject and those that cannot give pods the same.
func TestTextsAgree(t *testing.T) {
	var patch []struct {
		Value struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"value"`
	}
	if err := yaml.Unmarshal(read(t, "components/bootstrap/plaintext.yaml"), &patch); err != nil {
		t.Fatal(err)
	}
	var injected, component any
	for _, p := range patch {
		if p.Value.Name == "GRPC_XDS_BOOTSTRAP_CONFIG" {
			if err := json.Unmarshal([]byte(p.Value.Value), &component); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := json.Unmarshal(read(t, "injection/plaintext.json"), &injected); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(injected, component); diff != "" {
		t.Errorf("the component is not what is injected (-injected +component):\n%s", diff)
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
