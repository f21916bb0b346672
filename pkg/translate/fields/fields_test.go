package fields

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// apiFields lists every field that can be set below a message.
func apiFields(m protoreflect.MessageDescriptor, seen map[string]bool) []string {
	if seen[string(m.FullName())] {
		return nil
	}
	seen[string(m.FullName())] = true
	var names []string
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		names = append(names, NameOf(field))
		if field.IsMap() {
			field = field.MapValue()
		}
		if IsIstio(field.Message()) {
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
	for _, row := range Rows() {
		got = append(got, row.Field)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("fields of the table, once each, and of the API (-table +api):\n%s", diff)
	}
}

func TestFieldRows(t *testing.T) {
	for _, row := range Rows() {
		t.Run(row.Field, func(t *testing.T) { checkRow(t, row) })
	}
}

func checkRow(t *testing.T, row Row) {
	t.Helper()
	if found, err := filepath.Glob("../*/" + row.Leaf + ".go"); row.Leaf != "" && (err != nil || len(found) == 0) {
		t.Errorf("the leaf %q is no file of the packages below translate: %v", row.Leaf, err)
	}
	if row.InEffect() && row.Leaf == "" {
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
	if !row.InEffect() && row.Ignored|row.Partly != 0 {
		t.Error("nobody honours it, so there is nothing to tell apart")
	}
	if row.Ignored&row.Partly != 0 {
		t.Errorf("%s both ignore it and honour a part of it", row.Ignored&row.Partly)
	}
	if row.InEffect() && row.GRFC == "" && row.Untold == "" {
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
		used := f.annotated || slices.ContainsFunc(Rows(), func(r Row) bool { return slices.Contains(strings.Split(r.GRFC, ", "), f.grfc) })
		if !used {
			t.Errorf("no field rests on gRFC %s", f.grfc)
		}
	}
}

func TestGeneratedFields(t *testing.T) {
	const path = "../../../docs/FIELDS.md"
	page := Markdown(runs(t))
	if *translatetest.Update {
		if err := os.MkdirAll("../../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), page); diff != "" {
		t.Errorf("docs/FIELDS.md is behind the tables; run this test with -update (-file +tables):\n%s", diff)
	}
}
