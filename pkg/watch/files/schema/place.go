package schema

import (
	"slices"
	"strings"
)

// Place returns where a field belongs that was found at another path of an object: in a part of the mapping where it
// was found, or else in one that contains it. The path is empty for the object itself.
func Place(root Schema, path, name string) (string, bool) {
	at := schemaAt(root, path)
	if at == nil {
		return "", false
	}
	for _, field := range at.Fields() {
		entry, _ := at.field(field)
		for _, part := range []Schema{entry, itemOf(entry)} {
			if part != nil && slices.Contains(part.Fields(), name) {
				return Join(path, field), true
			}
		}
	}
	for path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		if above := schemaAt(root, path); above != nil && slices.Contains(above.Fields(), name) {
			return path, true
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
