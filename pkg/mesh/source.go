package mesh

import (
	"fmt"
	"maps"
	"regexp"
)

// Source is the file and lines of an object. It is immutable.
type Source struct {
	File string
	// Line is the line of the object's start; 0 if it is not known.
	Line int
	// Fields are the lines of fields, by paths such as spec.http[0].match[1].headers.user. It is nil if they are
	// not known.
	Fields map[string]int
	// Kept means that the object is from an earlier content of the file: a part of the present one is not readable, and
	// the object is in no other part.
	Kept bool
}

// At returns the file and line of a field, or of the nearest part of the object that contains it. An empty field
// means the object. s may be nil.
func (s *Source) At(field string) string {
	if s == nil {
		return ""
	}
	line := s.Line
	for path := mapKeys.ReplaceAllString(field, ".$1"); path != ""; path = parent(path) {
		if found, ok := s.Fields[path]; ok {
			line = found
			break
		}
	}
	if line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, line)
}

// FieldLocation is a field of an object with its file and line.
type FieldLocation struct {
	Object Ref    `json:"object"`
	Field  string `json:"field,omitempty"`
	Source string `json:"source,omitempty"`
}

// Locate finds the file and line of a field. An empty field means the object.
func (w *World) Locate(ref Ref, field string) FieldLocation {
	return FieldLocation{ref, field, w.Sources[ref].At(field)}
}

// String returns one line: the object, the field and, in parentheses, the file and line.
func (l FieldLocation) String() string {
	text := l.Object.String()
	if l.Field != "" {
		text += " " + l.Field
	}
	if l.Source != "" {
		text += " (" + l.Source + ")"
	}
	return oneLine(text)
}

// Equal reports whether two Sources have equal contents. Both may be nil.
func (s *Source) Equal(o *Source) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.File == o.File && s.Line == o.Line && s.Kept == o.Kept && maps.Equal(s.Fields, o.Fields)
}

// mapKeys matches the keys of maps in a path. Problems write them as [key]; Source.Fields has them as .key.
var mapKeys = regexp.MustCompile(`\[([^]]*[^]\d][^]]*)\]`)

// parent returns the path without its last element.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}
