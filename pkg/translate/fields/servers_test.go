package fields

import (
	stdcmp "cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	security "istio.io/api/security/v1"
	"sigs.k8s.io/yaml"
)

func TestServerFieldsAreComplete(t *testing.T) {
	for _, table := range ServerTables {
		want := apiFields(table.Spec, map[string]bool{})
		var got []string
		for _, row := range table.rows {
			got = append(got, row.Field)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: the table must have each field of the API once (-table +api):\n%s", table.Kind, diff)
		}
	}
}

// TestServerFieldsHaveEvidence checks each row against the golden that it names: the golden sets the field, and has the Problem
// that the verdict promises.
func TestServerFieldsHaveEvidence(t *testing.T) {
	specs := map[string]func() proto.Message{
		"AuthorizationPolicy":   func() proto.Message { return &security.AuthorizationPolicy{} },
		"PeerAuthentication":    func() proto.Message { return &security.PeerAuthentication{} },
		"RequestAuthentication": func() proto.Message { return &security.RequestAuthentication{} },
	}
	for _, table := range ServerTables {
		for _, row := range table.rows {
			t.Run(table.Kind+"/"+row.Field, func(t *testing.T) {
				in, err := os.ReadFile("../" + row.Golden + ".in.yaml")
				if err != nil {
					t.Fatal(err)
				}
				out, err := os.ReadFile("../" + row.Golden + ".out.yaml")
				if err != nil {
					t.Fatal(err)
				}
				uses := usesInServers(t, string(in), table.Kind, row.Field, specs[table.Kind])
				if len(uses) == 0 {
					t.Fatal("the golden does not set the field")
				}
				errs := errorsIn(string(out))
				at := reportedAt[row.Field]
				reported := slices.ContainsFunc(uses, func(path string) bool {
					return slices.Contains(errs, stdcmp.Or(at, path)) || row.Verdict == Unenforced && slices.ContainsFunc(errs, func(at string) bool { return strings.HasPrefix(path, at+"[") })
				})
				if (row.Verdict == Unenforced || row.Verdict == Closed) && !reported {
					t.Errorf("the verdict is %q, but the golden has no error for %q: %q", row.Verdict, uses, errs)
				}
				checkServerRow(t, row)
			})
		}
	}
}

// reportedAt are the fields that have the Problem of another field.
var reportedAt = map[string]string{"AuthorizationPolicy.provider": "spec.action", "AuthorizationPolicy.ExtensionProvider.name": "spec.action"}

func checkServerRow(t *testing.T, row Row) {
	t.Helper()
	leaf := false
	for _, dir := range []string{"../*/", "../../mesh/"} {
		found, err := filepath.Glob(dir + row.Leaf + ".go")
		leaf = leaf || err == nil && len(found) > 0
	}
	if row.Leaf != "" && !leaf {
		t.Errorf("the leaf %q is not a file", row.Leaf)
	}
	if row.Leaf == "" && row.Verdict != Unenforced {
		t.Error("the row has no Leaf")
	}
	if row.Verdict != Translated && row.Note == "" {
		t.Error("the Note is empty, want the caveat or what to do")
	}
}

// usesInServers returns the paths at which the objects of a kind in a golden set a field.
func usesInServers(t *testing.T, text, kind, field string, spec func() proto.Message) []string {
	t.Helper()
	var paths []string
	for document := range strings.SplitSeq(text, "\n---\n") {
		var object struct {
			Kind string         `json:"kind"`
			Spec map[string]any `json:"spec"`
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind != kind {
			continue
		}
		plain, err := yaml.Marshal(object.Spec)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err = yaml.YAMLToJSON(plain); err != nil {
			t.Fatal(err)
		}
		m := spec()
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(plain, m); err != nil {
			t.Fatal(err)
		}
		walkAll(m.ProtoReflect(), "spec", func(f protoreflect.FieldDescriptor, path string) {
			if NameOf(f) == field {
				paths = append(paths, path)
			}
		})
	}
	return paths
}

// walkAll visits every field that is set in a message, and in the messages in it.
func walkAll(m protoreflect.Message, at string, visit func(f protoreflect.FieldDescriptor, path string)) {
	m.Range(func(f protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		path := at + "." + f.JSONName()
		visit(f, path)
		switch {
		case f.IsMap() && IsIstio(f.MapValue().Message()):
			value.Map().Range(func(key protoreflect.MapKey, entry protoreflect.Value) bool {
				walkAll(entry.Message(), path+"."+key.String(), visit)
				return true
			})
		case f.IsList() && IsIstio(f.Message()):
			for i := range value.List().Len() {
				walkAll(value.List().Get(i).Message(), fmt.Sprintf("%s[%d]", path, i), visit)
			}
		case !f.IsMap() && !f.IsList() && IsIstio(f.Message()):
			walkAll(value.Message(), path, visit)
		}
		return true
	})
}

var (
	// errorLine is an error in the goldens of rules, and errorField the field of one in other goldens.
	errorLine  = regexp.MustCompile(`(?m)^- error \w+ \w+ \S+ (spec\S*):`)
	errorField = regexp.MustCompile(`(?m)^  field: (\S+)$`)
)

// errorsIn returns the fields of the errors in the output of a golden.
func errorsIn(text string) []string {
	var fields []string
	for _, found := range errorLine.FindAllStringSubmatch(text, -1) {
		fields = append(fields, found[1])
	}
	for problem := range strings.SplitSeq(text, "\n- code: ") {
		if found := errorField.FindStringSubmatch(problem); found != nil && strings.Contains(problem, "\n  severity: error") {
			fields = append(fields, found[1])
		}
	}
	return fields
}
