package fields

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
)

func TestHostFieldsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	var want, got []string
	for _, table := range HostTables {
		want = append(want, apiFields(table.Spec, seen)...)
		for _, row := range table.rows {
			got = append(got, row.Field)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the tables must have each field of the API once (-table +api):\n%s", diff)
	}
}

// TestHostFieldsHaveEvidence checks each row against the golden and the test that it names.
func TestHostFieldsHaveEvidence(t *testing.T) {
	specs := map[string]func() proto.Message{
		"ServiceEntry": func() proto.Message { return &networking.ServiceEntry{} }, "WorkloadEntry": func() proto.Message { return &networking.WorkloadEntry{} },
	}
	tests, err := os.ReadFile("../../../test/behaviour/serviceentry_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range HostTables {
		for _, row := range table.rows {
			t.Run(row.Field, func(t *testing.T) {
				in, err := os.ReadFile("../testdata/" + row.Golden + ".in.yaml")
				if err != nil {
					t.Fatal(err)
				}
				var uses []string
				for kind, spec := range specs {
					uses = append(uses, usesInServers(t, string(in), kind, row.Field, spec)...)
				}
				if len(uses) == 0 {
					t.Error("the golden does not set the field")
				}
				if _, err := os.Stat("../testdata/" + row.Golden + ".out.yaml"); err != nil {
					t.Error(err)
				}
				leaf := false
				for _, dir := range []string{"../*/", "../../watch/*/"} {
					found, err := filepath.Glob(dir + row.Leaf + ".go")
					leaf = leaf || err == nil && len(found) > 0
				}
				if !leaf {
					t.Errorf("the leaf %q is not a file", row.Leaf)
				}
				if row.Verdict != Translated && row.Note == "" {
					t.Error("the Note is empty, want the caveat or what to do")
				}
				if !regexp.MustCompile(`(?m)^func ` + row.Calls + `\(`).Match(tests) {
					t.Errorf("there is no test with calls %q", row.Calls)
				}
			})
		}
	}
}
