package manifests_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entry is the control plane in a text that is injected.
var entry = regexp.MustCompile(`(?s)    \{\n      "server_uri".*?\n    \}`)

// TestGeneratedFallback: the texts of the component are the same with a second control plane, which is connected to alike.
func TestGeneratedFallback(t *testing.T) {
	for _, name := range []string{"plaintext.json", "tls.json", "plaintext-identity.json", "tls-identity.json"} {
		want := entry.ReplaceAllStringFunc(string(read(t, "injection/"+name)), func(first string) string {
			return first + ",\n" + strings.Replace(first, "mizzen.mizzen-system.svc", "mizzen-fallback.mizzen-system.svc", 1)
		})
		path := "components/fallback/" + name
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := read(t, path)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s (make golden writes it; -want +got):\n%s", path, diff)
		}
		var parsed bootstrap
		if err := json.Unmarshal(got, &parsed); err != nil || len(parsed.Servers) != 2 {
			t.Fatalf("%s: got %d control planes and error %v, want 2", path, len(parsed.Servers), err)
		}
		first, second := parsed.Servers[0], parsed.Servers[1]
		if strings.Replace(first.URI, "mizzen.", "mizzen-fallback.", 1) != second.URI || first.URI == second.URI {
			t.Errorf("%s: got the control planes %s and %s", path, first.URI, second.URI)
		}
	}
}
