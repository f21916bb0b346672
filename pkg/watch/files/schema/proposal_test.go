package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// wrongValues has a value of each kind that authors write, also in place of another.
var wrongValues = []string{
	"1", "0", "-1", "33.3", "1e3", "010", "99999999999", "99999999999999999999", "true", "on", "n",
	"text", `"5"`, `""`, `"a: b, c"`, "version=v1", "50%", "5sec", "2 hours", "round_robin", "2026-01-02", "10.0.0.1:80", `"{{ .Values.x }}"`,
	"[]", "[1]", "[text]", "[a, b]", "[version=v1, x=1]", "[{name: a}]", "[{name: a}, {name: b}]", "[[1]]", "[null]",
	"{}", "{number: 80}", "{seconds: 5}", "{exact: x}", "{name: a, value: b}", "{a: {b: 1}}", "{a: null}", "!!int '5'", "!!str 5", "&a [*a]",
}

// free are fields that may have any value.
var free = []string{
	"fieldsV1", // metadata.managedFields
}

// TestProposals puts a value of each kind into each field of each kind of object. A value that is rejected is named
// together with a line that is accepted there.
func TestProposals(t *testing.T) {
	schemas, tried, rejected := Schemas{}, 0, 0
	seen := map[string]bool{}
	var visit func(path string, s Schema, depth int)
	visit = func(path string, s Schema, depth int) {
		if s == nil {
			if !slices.Contains(free, lastName(path)) {
				t.Errorf("%s: any value is accepted", path)
			}
			return
		}
		// Fields of one name and schema are alike wherever they are.
		if id := fmt.Sprintf("%T%v %s", s, identity(s), lastName(path)); seen[id] || depth > 20 {
			return
		} else {
			seen[id] = true
		}
		for _, text := range wrongValues {
			tried++
			if tryValue(t, path, s, text) {
				rejected++
			}
		}
		for _, name := range s.Fields() {
			field, _ := s.field(name)
			visit(Join(path, name), field, depth+1)
		}
		if len(s.Fields()) == 0 {
			if _, ok := s.(scalarSchema); ok {
				return
			}
			if item := s.element(); item != nil {
				visit(path+"[0]", item, depth+1)
			} else if entry, ok := s.field("key"); ok {
				visit(Join(path, "key"), entry, depth+1)
			}
		}
	}
	for _, row := range object.Kinds {
		visit(string(row.Kind), schemas.Of(reflect.TypeOf(row.New())), 0)
	}
	if tried < 10_000 || rejected < tried/3 {
		t.Errorf("tried %d values, and %d were rejected; the test proves too little", tried, rejected)
	}
}

func identity(s Schema) any {
	switch s := s.(type) {
	case *messageSchema:
		if s.message != nil {
			return s.message.FullName()
		}
		return s.in.FullName()
	case *goSchema:
		return s.goType
	case scalarSchema:
		return s.what
	}
	return s
}

// tryValue reports whether a value is rejected.
func tryValue(t *testing.T, path string, s Schema, text string) bool {
	t.Helper()
	v := parse(t, path, text)
	if v.isNull() {
		return false
	}
	required := s.violation(v)
	if required == "" {
		return false
	}
	why := v.message(required, s)
	_, line, ok := strings.Cut(why, ". Write ")
	if _, single := s.(scalarSchema); !ok && strings.HasSuffix(why, " is required here. Correct it.") && single {
		return true // Nobody knows what was meant.
	}
	if _, example, shown := strings.Cut(why, " is required here, such as "); !ok && shown {
		if line, ok = strings.TrimSuffix(example, ". Correct it."), true; lastName(path) != "" {
			line = lastName(path) + ": " + line
		}
	}
	if !ok || !strings.Contains(why, "Found "+v.String()+".") {
		t.Errorf("%s: %s: got %q, want the value and a line to write", path, text, why)
		return true
	}
	if name := lastName(path); name != "" {
		line, ok = strings.CutPrefix(line, name+": ")
		if !ok {
			t.Errorf("%s: %s: got %q, want the name in the line", path, text, why)
		}
	}
	reader := Reader{Unknown: func(_ *yaml.Node, _, name string, _ Schema) {
		t.Errorf("%s: %s: got %q, which has the unknown field %s", path, text, why, name)
	}}
	if reader.Read(parse(t, path, line).node, s); len(reader.Violations) > 0 {
		t.Errorf("%s: %s: got %q, which is rejected, too: %s", path, text, why, reader.Violations[0].Message)
	}
	return true
}

func parse(t *testing.T, path, text string) found {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%s: %s: %v", path, text, err)
	}
	v, err := find(n.Content[0], path)
	if err != nil {
		t.Fatalf("%s: %s: %v", path, text, err)
	}
	return v
}
