package fieldpolicy

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

var update = flag.Bool("update", false, "rewrite the policy")

const path = "../../manifests/admission/policy.yaml"

// TestGenerated compares the policy that users install with the table.
func TestGenerated(t *testing.T) {
	got := YAML()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs from the table; run `make golden` (-file +table):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

// TestEveryFieldIsReported: each unsupported row is in the policy, or is below one that is.
func TestEveryFieldIsReported(t *testing.T) {
	text := string(YAML())
	told := 0
	for _, row := range fields.Rows() {
		if strings.Contains(text, `"`+row.Field+" is refused. ") || strings.Contains(text, `"`+row.Field+" has no effect. ") {
			told++
			if row.Verdict == fields.Translated || row.Verdict == fields.Caveat {
				t.Errorf("%s: the policy warns about it, but its verdict is %q", row.Field, row.Verdict)
			}
		}
	}
	if told < 40 {
		t.Errorf("got %d fields in the policy, want at least 40", told)
	}
}
