package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of one document, so that no input uses memory or stack out of proportion to its size.
const (
	maxDepth = 200
	// maxViolations is how many mistakes of one document are reported.
	maxViolations = 100
	// maxExpansion is by how much aliases may expand a document. Each value counts for valueSize and its text.
	maxExpansion = 4 << 20
	valueSize    = 64
)

// Reader makes plain values of YAML nodes: maps, slices, strings, json.Numbers, booleans and nil. It drops the fields that
// the schema does not have, as an API server does, and reports them.
type Reader struct {
	// Violations are why the value cannot be used, in the order of the document; no more than maxViolations.
	Violations []*Error
	// KeyRead is called for a key that is read as another text than it is written.
	KeyRead func(node *yaml.Node, path, name string)
	// Unknown is called for a field that the schema does not have.
	Unknown func(node *yaml.Node, path, name string, s Schema)
	// Seen, unless nil, is called for each field, and for each item that is not a scalar.
	Seen func(path string, line int)
	// Nearest, unless nil, returns the name that the author of another probably meant; empty if that is not known.
	Nearest func(name string, names []string) string
	// quiet means that messages are not needed.
	quiet bool
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

// errAbandoned ends the reading of a document; the reason is the last of the violations.
var errAbandoned = errors.New("the document is not read further")

// violate records why the document cannot be used. The reading continues, up to a number of violations.
func (r *Reader) violate(n *yaml.Node, field, message string) error {
	r.Violations = append(r.Violations, &Error{Line: n.Line, Field: field, Message: message})
	if len(r.Violations) == maxViolations {
		return errAbandoned
	}
	return nil
}

// abandon records why the document cannot even be read to its end.
func (r *Reader) abandon(n *yaml.Node, field, format string, args ...any) error {
	return errors.Join(r.violate(n, field, fmt.Sprintf(format, args...)), errAbandoned)
}

// Read returns the value of a document. It is meaningless if there are Violations.
func (r *Reader) Read(n *yaml.Node, s Schema) any {
	v, err := r.read(n, s, "", 0)
	if err != nil {
		return nil
	}
	return v
}

// read returns the value of a node. The limit of depth also stops aliases that contain themselves.
func (r *Reader) read(n *yaml.Node, s Schema, path string, depth int) (any, error) {
	if r.aliases > 0 {
		r.spent += len(n.Value) + valueSize
	}
	switch {
	case depth > maxDepth:
		return nil, r.abandon(n, path, "It is nested deeper than %d levels, or an alias contains itself. The object is not used. Flatten it.", maxDepth)
	case r.spent > maxExpansion:
		return nil, r.abandon(n, path, "Its aliases expand it by more than %d bytes. The object is not used. Use fewer.", maxExpansion)
	}
	if n.Kind == yaml.AliasNode {
		r.aliases++
		defer func() { r.aliases-- }()
		return r.read(n.Alias, s, path, depth+1)
	}
	v, err := find(n, path)
	v.nearest = r.Nearest
	if err != nil {
		return nil, r.violate(n, path, fmt.Sprintf("%q is not a value of its tag, or of JSON. The object is not used. Write another.", n.Value))
	}
	if s != nil && !v.isNull() {
		if required := s.violation(v); required != "" {
			message := required
			if !r.quiet {
				message = v.message(required, s)
			}
			return nil, r.violate(n, path, message)
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.mapping(n, s, path, depth)
	case yaml.SequenceNode:
		return r.sequence(n, s, path, depth)
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
	return v.value, nil
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
		v, err := r.read(c, item, at, depth+1)
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
		name, err := keyText(key)
		if err != nil {
			if err := r.violate(key, path, "A key is not a string. The object is not used. Write a name."); err != nil {
				return nil, err
			}
			continue
		}
		if _, twice := out[name]; twice {
			if err := r.violate(key, Join(path, name), "The field is set twice. The object is not used. Remove one."); err != nil {
				return nil, err
			}
			continue
		}
		entry, ok := schemaOfEntry(s, name)
		if !ok {
			r.Unknown(key, path, key.Value, s)
			continue
		}
		if name != key.Value && r.KeyRead != nil {
			r.KeyRead(key, path, name)
		}
		at := Join(path, name)
		if r.Seen != nil {
			r.Seen(at, key.Line)
		}
		v, err := r.read(value, entry, at, depth+1)
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
		v, err := r.read(part, s, path, depth)
		if err != nil {
			return err
		}
		entries, ok := v.(map[string]any)
		if !ok {
			if len(r.Violations) > 0 {
				return nil
			}
			return r.abandon(n, path, "The key << requires a mapping. The object is not used. Use an alias of one.")
		}
		for name, value := range entries {
			if _, ok := into[name]; !ok {
				into[name] = value
			}
		}
	}
	return nil
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
