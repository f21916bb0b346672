package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
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
	// violation returns what is required here in place of a value, such as "a list", regardless of the parts of the
	// value; empty if the value is allowed. It is not called for null.
	violation(v found) string
	// proposal returns, in flow style, the value that the author of another one probably meant; empty if that is not
	// known.
	proposal(v found) string
	// example returns a value in flow style.
	example(depth int) string
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
	if own, ok := ownForms[t.PkgPath()+"."+t.Name()]; ok {
		return own
	}
	if p := reflect.PointerTo(t); p.Implements(protoType) {
		message, _ := reflect.TypeAssert[proto.Message](reflect.Zero(p))
		return schemaOfMessage(message.ProtoReflect().Descriptor())
	} else if p.Implements(unmarshalType) {
		return nil
	}
	if scalar, ok := goScalars[t.Kind()]; ok {
		return scalar
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
	names   []string                // of its fields, in their order
}

func (s *goSchema) read(t reflect.Type) {
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (f.Anonymous || strings.Contains(rest, "inline")):
			s.read(f.Type)
		default:
			name = cmp.Or(name, f.Name)
			s.entries[name], s.names = f.Type, append(s.names, name)
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
	if number := t; slices.Contains(portFields, name) {
		if t.Kind() == reflect.Pointer {
			number = t.Elem()
		}
		if number.Kind() == reflect.Int32 {
			return portSchema, true
		}
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

func (s *goSchema) violation(v found) string {
	switch {
	case s.isBytes():
		return stringSchema.violation(v)
	case s.goType.Kind() == reflect.Slice:
		return unlessKind(v, yaml.SequenceNode)
	}
	return unlessKind(v, yaml.MappingNode)
}

func (s *goSchema) isBytes() bool {
	return s.goType.Kind() == reflect.Slice && s.goType.Elem().Kind() == reflect.Uint8
}

func (s *goSchema) proposal(v found) string {
	switch {
	case s.isBytes():
		return stringSchema.proposal(v)
	case s.goType.Kind() == reflect.Slice:
		return listProposal(v, s.element())
	case s.goType.Kind() == reflect.Map:
		return namesProposal(v, s.types.Of(s.goType.Elem()))
	case s.goType == reflect.TypeFor[gatewayv1.ParentReference]() && parentProposal(v) != "":
		return parentProposal(v)
	}
	return fieldProposal(v, s, s.names)
}

func (s *goSchema) example(depth int) string {
	switch {
	case s.isBytes():
		return stringSchema.sample
	case s.goType.Kind() == reflect.Slice:
		return listExample(s.element(), depth)
	case s.goType.Kind() == reflect.Map:
		return namesExample("name", s.types.Of(s.goType.Elem()), depth)
	}
	return fieldExample(s, s.names, depth)
}

// messageSchema is the schema of a message, or of a field of one.
type messageSchema struct {
	message protoreflect.MessageDescriptor
	in      protoreflect.FieldDescriptor // nil for a message by itself or as an item
}

// schemaOfMessage returns nil for Google's well-known types, which have special JSON forms, except durations and
// wrapped scalars.
func schemaOfMessage(m protoreflect.MessageDescriptor) Schema {
	if m.FullName().Parent() != "google.protobuf" {
		return &messageSchema{message: m}
	}
	switch m.Name() {
	case "Duration":
		return durationSchema
	case "Timestamp":
		return timeSchema
	}
	if value := m.Fields().ByName("value"); value != nil && m.Fields().Len() == 1 {
		return schemaOfItem(value)
	}
	return nil
}

func (s *messageSchema) field(name string) (Schema, bool) {
	if s.in != nil && s.in.IsMap() {
		return schemaOfItem(s.in.MapValue()), isKey(s.in.MapKey(), name)
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

// isKey reports whether a name can be a key of a map, which may have numbers as keys.
func isKey(key protoreflect.FieldDescriptor, name string) bool {
	if key.Kind() != protoreflect.Uint32Kind {
		return true
	}
	_, err := strconv.ParseUint(name, 10, 32)
	return err == nil
}

// schemaOfItem returns the schema of a field's value, or of one item if the field is repeated.
func schemaOfItem(f protoreflect.FieldDescriptor) Schema {
	if m := f.Message(); m != nil {
		return schemaOfMessage(m)
	}
	if e := f.Enum(); e != nil && e.FullName().Parent() != "google.protobuf" {
		return enumSchema(e)
	}
	if number, ok := numberFields[f.FullName()]; ok {
		return number
	}
	if scalar, ok := messageScalars[f.Kind()]; ok {
		return scalar
	}
	return nil
}

func (s *messageSchema) Fields() []string { return slices.Sorted(slices.Values(s.names())) }

// names returns the names of the fields in the order of the API.
func (s *messageSchema) names() []string {
	if s.message == nil {
		return nil
	}
	var names []string
	for i := range s.message.Fields().Len() {
		names = append(names, s.message.Fields().Get(i).JSONName())
	}
	return names
}

func (s *messageSchema) element() Schema {
	if s.in == nil || !s.in.IsList() {
		return nil
	}
	return schemaOfItem(s.in)
}

func (s *messageSchema) violation(v found) string {
	if s.in != nil && s.in.IsList() {
		return unlessKind(v, yaml.SequenceNode)
	}
	return unlessKind(v, yaml.MappingNode)
}

func (s *messageSchema) proposal(v found) string {
	switch {
	case s.message != nil && s.message.FullName() == "istio.networking.v1alpha3.WorkloadEntry" && endpointProposal(v) != "":
		return endpointProposal(v)
	case s.message != nil:
		return fieldProposal(v, s, s.names())
	case s.in.IsList():
		return listProposal(v, s.element())
	}
	if !isKey(s.in.MapKey(), "name") {
		return "" // the keys are numbers
	}
	return namesProposal(v, schemaOfItem(s.in.MapValue()))
}

func (s *messageSchema) example(depth int) string {
	switch {
	case s.message != nil:
		return s.messageExample(depth)
	case s.in.IsList():
		return listExample(s.element(), depth)
	}
	if !isKey(s.in.MapKey(), "name") {
		return namesExample("80", schemaOfItem(s.in.MapValue()), depth)
	}
	return namesExample("name", schemaOfItem(s.in.MapValue()), depth)
}

// messageExample has the required fields, or else one.
func (s *messageSchema) messageExample(depth int) string {
	var entries []string
	for i := range s.message.Fields().Len() {
		if f := s.message.Fields().Get(i); isRequired(f) {
			entries = append(entries, f.JSONName()+": "+exampleOf(f, depth+1))
		}
	}
	if len(entries) == 0 {
		return fieldExample(s, s.names(), depth)
	}
	return "{" + strings.Join(entries, ", ") + "}"
}

// unlessKind returns what is required unless a node is of a kind.
func unlessKind(v found, want yaml.Kind) string {
	if v.node.Kind == want {
		return ""
	}
	return map[yaml.Kind]string{yaml.SequenceNode: "a list", yaml.MappingNode: "a mapping"}[want]
}

// incomplete returns why a message cannot have these fields only, and the field that it is about: a required one that is
// missing, or fields that exclude each other, of which the library that decodes messages would take one.
func (s *messageSchema) incomplete(entries map[string]any, path string) (field, why string) {
	if s.message == nil {
		return "", ""
	}
	first := map[protoreflect.FullName]string{}
	for i := range s.message.Fields().Len() {
		f := s.message.Fields().Get(i)
		name := f.JSONName()
		if entries[name] == nil {
			if isRequired(f) {
				return Join(path, name), "The field is required. The object is not used. Add " + name + ": " + requiredOf(f) + "."
			}
			continue
		}
		if f.ContainingOneof() == nil {
			continue
		}
		oneof := f.ContainingOneof().FullName()
		if other, ok := first[oneof]; ok {
			return path, fmt.Sprintf("Only one of %s and %s may be set. The object is not used. Remove the other.", other, name)
		}
		first[oneof] = name
	}
	return "", ""
}

// isRequired reports whether API servers require a field.
func isRequired(f protoreflect.FieldDescriptor) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, annotations.FieldBehavior_REQUIRED)
}

// requiredOf says what a field needs, with an example of a list or a mapping.
func requiredOf(f protoreflect.FieldDescriptor) string {
	if single, ok := schemaOfItem(f).(scalarSchema); ok && !f.IsMap() && !f.IsList() {
		return single.what
	}
	what := "a mapping"
	if f.IsList() {
		what = "a list"
	}
	return what + ", such as " + exampleOf(f, 1)
}

func exampleOf(f protoreflect.FieldDescriptor, depth int) string {
	s := schemaOfItem(f)
	if f.IsMap() || f.IsList() {
		s = &messageSchema{in: f}
	}
	if s == nil {
		return "{}"
	}
	return s.example(depth)
}
