package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Schema is what the API allows at one place of an object: API servers drop unknown fields, and reject values of
// another type and unknown enum values. A nil Schema allows anything.
type Schema interface {
	// field returns the schema of a mapping's entry; false if there is no such field.
	field(name string) (Schema, bool)
	// Fields returns the known names, sorted; nil if every name is allowed.
	Fields() []string
	// element returns the schema of a sequence's items.
	element() Schema
	// violation returns why a node is not allowed here, regardless of its parts; empty if it is allowed. It is not
	// called for null.
	violation(n *yaml.Node) string
}

// Schemas makes schemas of Go types and caches them. It belongs to one goroutine.
type Schemas map[reflect.Type]*goSchema

var (
	protoType     = reflect.TypeFor[proto.Message]()
	unmarshalType = reflect.TypeFor[json.Unmarshaler]()
)

// Of returns the schema of a Kubernetes type by its JSON tags. It may contain Istio's messages.
func (c Schemas) Of(t reflect.Type) Schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := c[t]; ok {
		return s
	}
	if p := reflect.PointerTo(t); p.Implements(protoType) {
		message, _ := reflect.TypeAssert[proto.Message](reflect.Zero(p))
		return schemaOfMessage(message.ProtoReflect().Descriptor())
	} else if p.Implements(unmarshalType) {
		return nil
	}
	if l := goScalars[t.Kind()]; l != nil {
		return l
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
	default:
		return nil
	}
	s := &goSchema{types: c, goType: t}
	c[t] = s
	if t.Kind() == reflect.Struct {
		s.entries = map[string]reflect.Type{}
		s.read(t)
	}
	return s
}

type goSchema struct {
	types   Schemas
	goType  reflect.Type
	entries map[string]reflect.Type // of a struct
}

func (s *goSchema) read(t reflect.Type) {
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

func (s *goSchema) field(name string) (Schema, bool) {
	if s.goType.Kind() == reflect.Map {
		return s.types.Of(s.goType.Elem()), true
	}
	t, ok := s.entries[name]
	if !ok {
		return nil, s.entries == nil
	}
	return s.types.Of(t), true
}

func (s *goSchema) Fields() []string { return slices.Sorted(maps.Keys(s.entries)) }

func (s *goSchema) element() Schema {
	if s.goType.Kind() != reflect.Slice {
		return nil
	}
	return s.types.Of(s.goType.Elem())
}

func (s *goSchema) violation(n *yaml.Node) string {
	switch {
	case s.goType.Kind() != reflect.Slice:
		return noMapping(n)
	case s.goType.Elem().Kind() == reflect.Uint8:
		return noText(n)
	}
	return noList(n)
}

// messageSchema is the schema of a message, or of a field of one.
type messageSchema struct {
	message protoreflect.MessageDescriptor
	in      protoreflect.FieldDescriptor // nil for a message by itself or as an item
	enum    protoreflect.EnumDescriptor
}

// schemaOfMessage returns nil for Google's well-known types, which have special JSON forms, except durations and
// wrapped scalars.
func schemaOfMessage(m protoreflect.MessageDescriptor) Schema {
	if m.FullName().Parent() != "google.protobuf" {
		return &messageSchema{message: m}
	}
	if m.Name() == "Duration" {
		return scalarSchema(noDuration)
	}
	if value := m.Fields().ByName("value"); value != nil && m.Fields().Len() == 1 {
		return schemaOfItem(value)
	}
	return nil
}

func (s *messageSchema) field(name string) (Schema, bool) {
	if s.in != nil && s.in.IsMap() {
		return schemaOfItem(s.in.MapValue()), true
	}
	if s.message == nil {
		return nil, true
	}
	f := s.message.Fields().ByJSONName(name)
	if f == nil {
		return nil, false
	}
	if f.IsMap() || f.IsList() {
		return &messageSchema{in: f}, true
	}
	return schemaOfItem(f), true
}

// schemaOfItem returns the schema of a field's value, or of one item if the field is repeated.
func schemaOfItem(f protoreflect.FieldDescriptor) Schema {
	if m := f.Message(); m != nil {
		return schemaOfMessage(m)
	}
	if e := f.Enum(); e != nil && e.FullName().Parent() != "google.protobuf" {
		return &messageSchema{enum: e}
	}
	if l := messageScalars[f.Kind()]; l != nil {
		return l
	}
	return nil
}

func (s *messageSchema) Fields() []string {
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

func (s *messageSchema) element() Schema {
	if s.in == nil || !s.in.IsList() {
		return nil
	}
	return schemaOfItem(s.in)
}

func (s *messageSchema) violation(n *yaml.Node) string {
	switch {
	case s.enum != nil:
		return s.valueViolation(n)
	case s.in != nil && s.in.IsList():
		return noList(n)
	case s.message == nil || n.Kind != yaml.MappingNode:
		return noMapping(n)
	}
	return s.oneofViolation(n)
}

func (s *messageSchema) valueViolation(n *yaml.Node) string {
	if n.ShortTag() == "!!int" || s.enum.Values().ByName(protoreflect.Name(n.Value)) != nil {
		return ""
	}
	var names []string
	for i := range s.enum.Values().Len() {
		names = append(names, string(s.enum.Values().Get(i).Name()))
	}
	return fmt.Sprintf("%q is not a known value. Use one of %s.", n.Value, strings.Join(names, ", "))
}

// oneofViolation finds fields that exclude each other. The library that decodes messages would take one and drop the
// other.
func (s *messageSchema) oneofViolation(n *yaml.Node) string {
	first := map[protoreflect.FullName]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		f := s.message.Fields().ByJSONName(name)
		if f == nil || f.ContainingOneof() == nil || n.Content[i+1].ShortTag() == "!!null" {
			continue
		}
		oneof := f.ContainingOneof().FullName()
		if other, ok := first[oneof]; ok && other != name {
			return fmt.Sprintf("only one of %s and %s may be set. Remove one.", other, name)
		}
		first[oneof] = name
	}
	return ""
}
