package translate

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// apiFields lists every field that can be set below a message.
func apiFields(m protoreflect.MessageDescriptor, seen map[string]bool) []string {
	if seen[string(m.FullName())] {
		return nil
	}
	seen[string(m.FullName())] = true
	var names []string
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		names = append(names, fieldName(field))
		if field.IsMap() {
			field = field.MapValue()
		}
		if isIstio(field.Message()) {
			names = append(names, apiFields(field.Message(), seen)...)
		}
	}
	return names
}

func TestFieldsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	want := apiFields((&networking.VirtualService{}).ProtoReflect().Descriptor(), seen)
	want = append(want, apiFields((&networking.DestinationRule{}).ProtoReflect().Descriptor(), seen)...)
	var got []string
	for _, row := range Fields() {
		got = append(got, row.Field)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("fields of the table, once each, and of the API (-table +api):\n%s", diff)
	}
}

func TestFieldRows(t *testing.T) {
	for _, row := range Fields() {
		if row.Leaf != "" {
			if _, err := os.Stat(row.Leaf + ".go"); err != nil {
				t.Errorf("%s: the leaf %q is no file of this package", row.Field, row.Leaf)
			}
		}
		switch row.Verdict {
		case Translated:
			if row.Leaf == "" {
				t.Errorf("%s: is followed, but no leaf owns it", row.Field)
			}
		case Caveat, Refused:
			if row.Leaf == "" || row.Note == "" {
				t.Errorf("%s: needs a leaf and a note", row.Field)
			}
		case Warned, Untranslated:
			if row.Note == "" {
				t.Errorf("%s: the note must name the way out", row.Field)
			}
		default:
			t.Errorf("%s: unknown verdict %q", row.Field, row.Verdict)
		}
	}
}

func TestGeneratedFields(t *testing.T) {
	const path = "../../docs/FIELDS.md"
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(FieldsMarkdown()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), FieldsMarkdown()); diff != "" {
		t.Errorf("docs/FIELDS.md is behind the tables; run this test with -update (-file +tables):\n%s", diff)
	}
}
