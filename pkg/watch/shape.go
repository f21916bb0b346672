package watch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shape is what the API allows at one place of an object, as far as it matters to find misspelled names: API servers drop
// fields they do not know and refuse enumerated values they do not know. A nil shape allows anything.
type shape interface {
	// field is the shape of a mapping's entry; false when there is no such field.
	field(name string) (shape, bool)
	// fields are the names that field knows, sorted; nil when all are fine.
	fields() []string
	// element is the shape of a sequence's items.
	element() shape
	// refuses says why a text may not stand here; empty when it may.
	refuses(text string) string
}

// shapes makes shapes of Go types and remembers them. One goroutine owns it.
type shapes map[reflect.Type]*goShape

var (
	protoType     = reflect.TypeFor[proto.Message]()
	unmarshalType = reflect.TypeFor[json.Unmarshaler]()
)

// of is the shape of a Kubernetes type by its JSON tags, in which Istio's messages may stand.
func (c shapes) of(t reflect.Type) shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); p.Implements(protoType) {
		message, _ := reflect.TypeAssert[proto.Message](reflect.Zero(p))
		return messageShape(message.ProtoReflect().Descriptor())
	} else if p.Implements(unmarshalType) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
	default:
		return nil
	}
	if s, ok := c[t]; ok {
		return s
	}
	s := &goShape{types: c, goType: t}
	c[t] = s
	if t.Kind() == reflect.Struct {
		s.entries = map[string]reflect.Type{}
		s.read(t)
	}
	return s
}

type goShape struct {
	types   shapes
	goType  reflect.Type
	entries map[string]reflect.Type // of a struct
}

func (s *goShape) read(t reflect.Type) {
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (f.Anonymous || strings.Contains(rest, "inline")):
			s.read(f.Type)
		default:
			s.entries[cmp.Or(name, f.Name)] = f.Type
		}
	}
}

func (s *goShape) field(name string) (shape, bool) {
	if s.goType.Kind() == reflect.Map {
		return s.types.of(s.goType.Elem()), true
	}
	t, ok := s.entries[name]
	if !ok {
		return nil, s.entries == nil
	}
	return s.types.of(t), true
}

func (s *goShape) fields() []string { return slices.Sorted(maps.Keys(s.entries)) }

func (s *goShape) element() shape {
	if s.goType.Kind() != reflect.Slice {
		return nil
	}
	return s.types.of(s.goType.Elem())
}

func (*goShape) refuses(string) string { return "" }

// protoShape is a message, or a field of one.
type protoShape struct {
	message protoreflect.MessageDescriptor
	in      protoreflect.FieldDescriptor // nil for a message by itself or as an item
	enum    protoreflect.EnumDescriptor
}

// messageShape is nil for Google's well-known types, whose JSON is a form of its own.
func messageShape(m protoreflect.MessageDescriptor) shape {
	if m.FullName().Parent() == "google.protobuf" {
		return nil
	}
	return &protoShape{message: m}
}

func (s *protoShape) field(name string) (shape, bool) {
	if s.in != nil && s.in.IsMap() {
		return itemShape(s.in.MapValue()), true
	}
	if s.message == nil {
		return nil, true
	}
	f := s.message.Fields().ByJSONName(name)
	if f == nil {
		return nil, false
	}
	if f.IsMap() || f.IsList() {
		return &protoShape{in: f}, true
	}
	return itemShape(f), true
}

// itemShape is the shape of a field's value, or of one item when it is repeated.
func itemShape(f protoreflect.FieldDescriptor) shape {
	if m := f.Message(); m != nil {
		return messageShape(m)
	}
	if e := f.Enum(); e != nil && e.FullName().Parent() != "google.protobuf" {
		return &protoShape{enum: e}
	}
	return nil
}

func (s *protoShape) fields() []string {
	if s.message == nil {
		return nil
	}
	var names []string
	for i := range s.message.Fields().Len() {
		names = append(names, s.message.Fields().Get(i).JSONName())
	}
	slices.Sort(names)
	return names
}

func (s *protoShape) element() shape {
	if s.in == nil || !s.in.IsList() {
		return nil
	}
	return itemShape(s.in)
}

func (s *protoShape) refuses(text string) string {
	if s.enum == nil || s.enum.Values().ByName(protoreflect.Name(text)) != nil {
		return ""
	}
	var names []string
	for i := range s.enum.Values().Len() {
		names = append(names, string(s.enum.Values().Get(i).Name()))
	}
	return fmt.Sprintf("%q is not one of its values; write %s", text, strings.Join(names, ", "))
}

// nearest returns the name that was probably meant, or empty.
func nearest(name string, names []string) string {
	best, bestDistance := "", 1+min(3, max(1, len(name)/2))
	for _, candidate := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
