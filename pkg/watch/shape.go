package watch

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

// shape is what the API allows at one place of an object: API servers drop fields they do not know, and refuse values of another
// kind and enumerated values they do not know. A nil shape allows anything.
type shape interface {
	// field is the shape of a mapping's entry; false when there is no such field.
	field(name string) (shape, bool)
	// fields are the names that field knows, sorted; nil when all are fine.
	fields() []string
	// element is the shape of a sequence's items.
	element() shape
	// refuses says why a node may not stand here, whatever its parts; empty when it may. It is not asked about null.
	refuses(n *yaml.Node) string
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
	if s, ok := c[t]; ok {
		return s
	}
	if p := reflect.PointerTo(t); p.Implements(protoType) {
		message, _ := reflect.TypeAssert[proto.Message](reflect.Zero(p))
		return messageShape(message.ProtoReflect().Descriptor())
	} else if p.Implements(unmarshalType) {
		return nil
	}
	if l := goLeaves[t.Kind()]; l != nil {
		return l
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
	default:
		return nil
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

func (s *goShape) refuses(n *yaml.Node) string {
	switch {
	case s.goType.Kind() != reflect.Slice:
		return noMapping(n)
	case s.goType.Elem().Kind() == reflect.Uint8:
		return noText(n)
	}
	return noList(n)
}

// protoShape is a message, or a field of one.
type protoShape struct {
	message protoreflect.MessageDescriptor
	in      protoreflect.FieldDescriptor // nil for a message by itself or as an item
	enum    protoreflect.EnumDescriptor
}

// messageShape is nil for Google's well-known types, whose JSON is a form of its own, but durations and scalars that may be absent.
func messageShape(m protoreflect.MessageDescriptor) shape {
	if m.FullName().Parent() != "google.protobuf" {
		return &protoShape{message: m}
	}
	if m.Name() == "Duration" {
		return leaf(noDuration)
	}
	if value := m.Fields().ByName("value"); value != nil && m.Fields().Len() == 1 {
		return itemShape(value)
	}
	return nil
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
	if l := protoLeaves[f.Kind()]; l != nil {
		return l
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

func (s *protoShape) refuses(n *yaml.Node) string {
	switch {
	case s.enum != nil:
		return s.refusesValue(n)
	case s.in != nil && s.in.IsList():
		return noList(n)
	case s.message == nil || n.Kind != yaml.MappingNode:
		return noMapping(n)
	}
	return s.refusesPair(n)
}

func (s *protoShape) refusesValue(n *yaml.Node) string {
	if n.ShortTag() == "!!int" || s.enum.Values().ByName(protoreflect.Name(n.Value)) != nil {
		return ""
	}
	var names []string
	for i := range s.enum.Values().Len() {
		names = append(names, string(s.enum.Values().Get(i).Name()))
	}
	return fmt.Sprintf("%q is not one of its values; write %s", n.Value, strings.Join(names, ", "))
}

// refusesPair finds fields of which only one may be set. The library that decodes messages would take one, and drop the other.
func (s *protoShape) refusesPair(n *yaml.Node) string {
	first := map[protoreflect.FullName]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		f := s.message.Fields().ByJSONName(name)
		if f == nil || f.ContainingOneof() == nil || n.Content[i+1].ShortTag() == "!!null" {
			continue
		}
		oneof := f.ContainingOneof().FullName()
		if other, ok := first[oneof]; ok && other != name {
			return fmt.Sprintf("it has both %s and %s; remove one of them", other, name)
		}
		first[oneof] = name
	}
	return ""
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
