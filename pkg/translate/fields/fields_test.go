package fields

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// apiFields returns the names of all fields of a message and of the messages in it.
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

// gatewayFields does the same for a structure of the Gateway API.
func gatewayFields(t reflect.Type, seen map[string]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if !IsGateway(t) {
		return nil
	}
	var names []string
	EachField(t, func(name string, field reflect.StructField, _ []int) {
		if !seen[name] {
			seen[name] = true
			names = append(append(names, name), gatewayFields(field.Type, seen)...)
		}
	})
	return names
}

func TestFieldsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	want := apiFields((&networking.VirtualService{}).ProtoReflect().Descriptor(), seen)
	want = append(want, apiFields((&networking.DestinationRule{}).ProtoReflect().Descriptor(), seen)...)
	want = append(want, apiFields((&networking.Sidecar{}).ProtoReflect().Descriptor(), seen)...)
	for _, table := range GatewayTables {
		want = append(want, gatewayFields(table.Spec, seen)...)
	}
	var got []string
	for _, row := range Rows() {
		got = append(got, row.Field)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("the table must have each field of the API once (-table +api):\n%s", diff)
	}
}

func TestFieldRows(t *testing.T) {
	for _, row := range Rows() {
		t.Run(row.Field, func(t *testing.T) { checkRow(t, row) })
	}
}

func checkRow(t *testing.T, row Row) {
	t.Helper()
	found, err := filepath.Glob("../*/" + row.Leaf + ".go")
	compiling, errObject := filepath.Glob("../../watch/*/" + row.Leaf + ".go") // Objects of the Gateway API are compiled there.
	if row.Leaf != "" && (err != nil || errObject != nil || len(found)+len(compiling) == 0) {
		t.Errorf("the leaf %q is not a file of a package below translate: %v", row.Leaf, err)
	}
	if row.InEffect() && row.Leaf == "" {
		t.Error("the field is in effect, but has no Leaf")
	}
	if row.Verdict != Translated && row.Note == "" {
		t.Error("the Note is empty, want the caveat or what to do")
	}
	if row.Verdict == Refused && row.Leaf == "" {
		t.Error("the verdict is refused, but no Leaf makes calls fail")
	}
	if row.Untold != "" && row.Verdict != Caveat {
		t.Errorf("Untold is set, but the verdict is %q and not a caveat", row.Verdict)
	}
	if !row.InEffect() && row.Ignored|row.Partly != 0 {
		t.Error("the field has no effect for any client, want Ignored and Partly empty")
	}
	if row.Ignored&row.Partly != 0 {
		t.Errorf("%s are in both Ignored and Partly", row.Ignored&row.Partly)
	}
	if row.InEffect() && row.GRFC == "" && row.Untold == "" {
		t.Error("the field is in effect, but has no GRFC")
	}
	for grfc := range strings.SplitSeq(row.GRFC, ", ") {
		if grfc != "" && !slices.ContainsFunc(proposals, func(f proposal) bool { return f.grfc == grfc }) {
			t.Errorf("proposals does not have gRFC %s", grfc)
		}
	}
}

func TestProposalsAreUsed(t *testing.T) {
	for _, p := range proposals {
		used := p.annotated || slices.ContainsFunc(Rows(), func(r Row) bool { return slices.Contains(strings.Split(r.GRFC, ", "), p.grfc) })
		if !used {
			t.Errorf("no row refers to gRFC %s", p.grfc)
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
		t.Errorf("docs/FIELDS.md is out of date; run this test with -update (-file +tables):\n%s", diff)
	}
}
