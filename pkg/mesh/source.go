package mesh

import (
	"fmt"
	"maps"
	"regexp"
)

// Source is where an object was read, for those of files. It is immutable.
type Source struct {
	File string
	// Line is where the object begins; 0 when that is not known.
	Line int
	// Fields are the lines of its fields, by paths such as spec.http[0].match[1].headers.user; nil when they are not kept.
	Fields map[string]int
}

// At is the file and the line of a field, or of the nearest part of the object that holds it. An empty field is the object.
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

// FieldLocation is a field of an object, and where it was read.
type FieldLocation struct {
	Object Ref    `json:"object"`
	Field  string `json:"field,omitempty"`
	Source string `json:"source,omitempty"`
}

// Locate finds out where a field was read. An empty field is the object.
func (w *World) Locate(ref Ref, field string) FieldLocation {
	return FieldLocation{ref, field, w.Sources[ref].At(field)}
}

// String is one line: the object, the field and, in parentheses, the file and line.
func (p FieldLocation) String() string {
	text := p.Object.String()
	if p.Field != "" {
		text += " " + p.Field
	}
	if p.Source != "" {
		text += " (" + p.Source + ")"
	}
	return oneLine(text)
}

// Equal says whether two Sources say the same. Both may be nil.
func (s *Source) Equal(o *Source) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.File == o.File && s.Line == o.Line && maps.Equal(s.Fields, o.Fields)
}

// mapKeys are those of maps, which Problems write as [key] and files as key.
var mapKeys = regexp.MustCompile(`\[([^]]*[^]\d][^]]*)\]`)

// parent is the path without its last step.
func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}
