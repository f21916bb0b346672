package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of one document, so that no input uses memory or stack out of proportion to its size.
const (
	maxDepth = 200
	// maxExpansion is by how much aliases may expand a document. Each value counts for valueSize and its text.
	maxExpansion = 4 << 20
	valueSize    = 64
)

// Reader makes plain values of YAML nodes: maps, slices, strings, numbers, booleans and nil. It drops the fields that
// the schema does not have, as an API server does, and reports them.
type Reader struct {
	// Unknown is called for a field that the schema does not have.
	Unknown func(node *yaml.Node, path, name string, s Schema)
	// Seen, unless nil, is called for each field, and for each item that is not a scalar.
	Seen func(path string, line int)
	// aliases is how many aliases contain the current value. spent is what aliases have added so far.
	aliases, spent int
}

// Error is why a document cannot be used, and where.
type Error struct {
	Line    int
	Field   string
	Message string
}

func (e *Error) Error() string { return e.Message }

func failAt(n *yaml.Node, field, format string, args ...any) error {
	return &Error{Line: n.Line, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Read returns the value of a node. The limit of depth also stops aliases that contain themselves.
func (r *Reader) Read(n *yaml.Node, s Schema, path string, depth int) (any, error) {
	if r.aliases > 0 {
		r.spent += len(n.Value) + valueSize
	}
	switch {
	case depth > maxDepth:
		return nil, failAt(n, path, "it is nested deeper than %d levels, or an alias contains itself. Flatten it.", maxDepth)
	case r.spent > maxExpansion:
		return nil, failAt(n, path, "its aliases expand it by more than %d bytes. Use fewer.", maxExpansion)
	}
	if n.Kind == yaml.AliasNode {
		r.aliases++
		defer func() { r.aliases-- }()
		return r.Read(n.Alias, s, path, depth+1)
	}
	if s != nil && n.ShortTag() != "!!null" {
		if why := s.violation(n); why != "" {
			return nil, failAt(n, path, "%s", why)
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.mapping(n, s, path, depth)
	case yaml.SequenceNode:
		return r.sequence(n, s, path, depth)
	case yaml.ScalarNode:
		return scalar(n, path)
	case yaml.DocumentNode, yaml.AliasNode:
	}
	return nil, failAt(n, path, "it is not a value. Use plain YAML.")
}

func (r *Reader) sequence(n *yaml.Node, s Schema, path string, depth int) (any, error) {
	var item Schema
	if s != nil {
		item = s.element()
	}
	out := make([]any, 0, len(n.Content))
	for i, c := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		if r.Seen != nil && c.Kind != yaml.ScalarNode {
			r.Seen(at, c.Line)
		}
		v, err := r.Read(c, item, at, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *Reader) mapping(n *yaml.Node, s Schema, path string, depth int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			return nil, failAt(key, path, "a key is not a string. Use a name.")
		}
		name := key.Value
		if _, twice := out[name]; twice {
			return nil, failAt(key, Join(path, name), "the field is set twice. Remove one.")
		}
		entry, ok := schemaOfEntry(s, name)
		if !ok {
			r.Unknown(key, path, name, s)
			continue
		}
		at := Join(path, name)
		if r.Seen != nil {
			r.Seen(at, key.Line)
		}
		v, err := r.Read(value, entry, at, depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	for _, m := range merged {
		if err := r.merge(out, m, s, path, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func schemaOfEntry(s Schema, name string) (Schema, bool) {
	if s == nil {
		return nil, true
	}
	return s.field(name)
}

// Join appends a name to a field path.
func Join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// merge adds the entries of a "<<" key that into does not have: of one mapping or of several, the first taking
// precedence.
func (r *Reader) merge(into map[string]any, n *yaml.Node, s Schema, path string, depth int) error {
	parts := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		parts = n.Content
	}
	for _, part := range parts {
		v, err := r.Read(part, s, path, depth)
		if err != nil {
			return err
		}
		entries, ok := v.(map[string]any)
		if !ok {
			return failAt(n, path, "the key << requires a mapping. Use an alias of one.")
		}
		for name, value := range entries {
			if _, ok := into[name]; !ok {
				into[name] = value
			}
		}
	}
	return nil
}

func scalar(n *yaml.Node, path string) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil //nolint:nilnil // null is a value
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, failAt(n, path, "%q does not match its tag. Correct one of the two.", n.Value)
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return nil, failAt(n, path, "%s is not a JSON number. Use another.", n.Value)
		}
		return v, nil
	}
	return n.Value, nil
}

// SyntaxError splits an error of the YAML library into the line, 1 if there is none, and the text.
func SyntaxError(err error) (line int, why string) {
	why = strings.TrimPrefix(err.Error(), "yaml: ")
	rest, ok := strings.CutPrefix(why, "line ")
	number, rest, found := strings.Cut(rest, ": ")
	if n, err := strconv.Atoi(number); ok && found && err == nil {
		return n, rest
	}
	return 1, why
}
