package schema

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Place returns where a field belongs that was found at another path of an object: in a part of the mapping where it
// was found, or else in one that contains it, or in a part of that. The path is empty for the object itself.
func Place(root Schema, path, name string) (string, bool) {
	at := schemaAt(root, path)
	if at == nil {
		return "", false
	}
	if part, ok := partWith(at, name); ok {
		return Join(path, part), true
	}
	for path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		above := schemaAt(root, path)
		if above == nil {
			continue
		}
		if slices.Contains(above.Fields(), name) {
			return path, true
		}
		if part, ok := partWith(above, name); ok {
			return Join(path, part), true
		}
	}
	return "", false
}

// OnlyLabels returns the only field of a selector, which has labels; empty for anything else. Authors write the labels beside it.
func OnlyLabels(s Schema) string {
	fields := s.Fields()
	if len(fields) != 1 {
		return ""
	}
	entry, _ := s.field(fields[0])
	if m, ok := entry.(*messageSchema); !ok || m.in == nil || !m.in.IsMap() || m.in.MapValue().Kind() != protoreflect.StringKind {
		return ""
	}
	return fields[0]
}

// partWith returns the first field, in the order of the API, whose value or items have a field of that name.
func partWith(s Schema, name string) (string, bool) {
	fields := s.Fields()
	switch s := s.(type) {
	case *messageSchema:
		fields = s.names()
	case *goSchema:
		fields = s.names
	}
	for _, field := range fields {
		entry, _ := s.field(field)
		for _, part := range []Schema{entry, itemOf(entry)} {
			if part != nil && slices.Contains(part.Fields(), name) {
				return field, true
			}
		}
	}
	return "", false
}

func itemOf(s Schema) Schema {
	if s == nil {
		return nil
	}
	return s.element()
}

// schemaAt returns the schema at a path, or nil if there is none.
func schemaAt(root Schema, path string) Schema {
	s := root
	for _, segment := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' }) {
		if s == nil {
			return nil
		}
		if strings.HasSuffix(segment, "]") {
			s = s.element()
			continue
		}
		s, _ = s.field(segment)
	}
	return s
}

// ParentName returns the name of the field at a path, also if the path is that of an item in it.
func ParentName(path string) string {
	list, _, _ := strings.Cut(path[strings.LastIndexByte(path, '.')+1:], "[")
	return list
}
