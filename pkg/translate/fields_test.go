package translate

import (
	"flag"
	"os"
	"slices"
	"strings"
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
		t.Run(row.Field, func(t *testing.T) { checkRow(t, row) })
	}
}

func checkRow(t *testing.T, row FieldRow) {
	t.Helper()
	if _, err := os.Stat(row.Leaf + ".go"); row.Leaf != "" && err != nil {
		t.Errorf("the leaf %q is no file of this package", row.Leaf)
	}
	if row.inEffect() && row.Leaf == "" {
		t.Error("is followed, but no leaf owns it")
	}
	if row.Verdict != Translated && row.Note == "" {
		t.Error("the note must tell the caveat, or the way out")
	}
	if row.Verdict == Refused && row.Leaf == "" {
		t.Error("is refused, but no leaf makes calls fail")
	}
	if row.Untold != "" && row.Verdict != Caveat {
		t.Errorf("says why its caveat is untold, but its verdict is %q", row.Verdict)
	}
	if !row.inEffect() && row.Ignored|row.Partly != 0 {
		t.Error("nobody honours it, so there is nothing to tell apart")
	}
	if row.Ignored&row.Partly != 0 {
		t.Errorf("%s both ignore it and honour a part of it", row.Ignored&row.Partly)
	}
	if row.inEffect() && row.GRFC == "" && row.Untold == "" {
		t.Error("rests on no gRFC")
	}
	for grfc := range strings.SplitSeq(row.GRFC, ", ") {
		if grfc != "" && !slices.ContainsFunc(proposals, func(f proposal) bool { return f.grfc == grfc }) {
			t.Errorf("nothing says which versions have gRFC %s", grfc)
		}
	}
}

func TestFeaturesAreUsed(t *testing.T) {
	for _, f := range proposals {
		used := slices.ContainsFunc(Fields(), func(r FieldRow) bool { return slices.Contains(strings.Split(r.GRFC, ", "), f.grfc) })
		if !used {
			t.Errorf("no field rests on gRFC %s", f.grfc)
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
