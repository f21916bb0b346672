package schema

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
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
	// Replaced, unless nil, is called for a field whose value a later merge key replaces with another.
	Replaced func(key *yaml.Node, path, name string)
	// Unknown is called for a field that the schema does not have.
	Unknown func(node *yaml.Node, path, name string, s Schema)
	// Seen, unless nil, is called for each field, and for each item that is not a scalar.
	Seen func(path string, line int)
	// Nearest, unless nil, returns the name that the author of another probably meant; empty if that is not known.
	Nearest func(name string, names []string) string
	// Grants is set for objects that may grant something. No example is written for them, because an author that copies
	// rules: [{}] lets every caller in.
	Grants bool
	// Defined is set for objects that a CustomResourceDefinition defines.
	Defined bool
	// name is the name of the last entry of a mapping that was read.
	name string
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
	v.nearest, v.grants = r.Nearest, r.Grants
	if strings.HasSuffix(path, "."+r.name) { // names may have dots
		v.name = r.name
	}
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
		violations := len(r.Violations)
		v, err := r.read(c, item, at, depth+1)
		if _, ofMessages := s.(*messageSchema); err == nil && v == nil && (ofMessages || r.Defined && strings.HasPrefix(at, "spec.")) && item != nil && len(r.Violations) == violations {
			// API servers drop fields that are null, but not the items of lists, which they reject. In built-in kinds such an item
			// has no value, and is checked as any other.
			null := found{node: &yaml.Node{Kind: yaml.ScalarNode}, path: at, grants: r.Grants || !ofMessages}
			err = r.violate(c, at, null.message(item.violation(null), item))
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *Reader) mapping(n *yaml.Node, s Schema, path string, depth int) (any, error) {
	violations := len(r.Violations)
	m := mappingReader{Reader: r, out: make(map[string]any, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var err error
		if key, value := n.Content[i], n.Content[i+1]; IsMerge(key) {
			err = m.merge(key, value, s, path, depth+1)
		} else {
			err = m.entry(key, value, s, path, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	if message, ok := s.(*messageSchema); ok && len(r.Violations) == violations {
		if field, why := message.incomplete(m.out, path); why != "" {
			return m.out, r.violate(n, field, why)
		}
	}
	return m.out, nil
}

// mappingReader reads one mapping.
type mappingReader struct {
	*Reader
	out map[string]any
	// merged are the names whose value comes from a merge key.
	merged map[string]struct{}
}

func (m *mappingReader) entry(key, value *yaml.Node, s Schema, path string, depth int) error {
	if key.Kind == yaml.AliasNode {
		key = key.Alias
	}
	name, err := keyText(key)
	if err != nil {
		return m.violate(key, path, "A key is not a string. The object is not used. Write a name.")
	}
	_, merged := m.merged[name]
	if _, twice := m.out[name]; twice && !merged {
		return m.violate(key, Join(path, name), "The field is set twice. The object is not used. Remove one.")
	}
	entry, ok := schemaOfEntry(s, name)
	if !ok {
		m.Unknown(key, path, key.Value, s)
		return nil
	}
	if name != key.Value && m.KeyRead != nil {
		m.KeyRead(key, path, name)
	}
	at := Join(path, name)
	if m.Seen != nil {
		m.Seen(at, key.Line)
	}
	m.name = name
	v, err := m.read(value, entry, at, depth+1)
	if err != nil {
		return err
	}
	m.out[name] = v
	delete(m.merged, name)
	return nil
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

// IsMerge reports whether a mapping's key is "<<".
func IsMerge(key *yaml.Node) bool { return key.Value == "<<" && key.ShortTag() == "!!merge" }

// merge sets the entries of a "<<" key: of one mapping, or of several, the first taking precedence. In YAML 1.2 the
// mapping's own entries take precedence. To kubectl and API servers they do only if they come later.
func (m *mappingReader) merge(key, n *yaml.Node, s Schema, path string, depth int) error {
	parts := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		parts = n.Content
	}
	for _, part := range slices.Backward(parts) {
		v, err := m.read(part, s, path, depth)
		if err != nil {
			return err
		}
		entries, ok := v.(map[string]any)
		if !ok {
			if len(m.Violations) > 0 {
				return nil
			}
			return m.abandon(n, path, "The key << requires a mapping. The object is not used. Use an alias of one.")
		}
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			m.replace(key, path, name, entries[name])
		}
	}
	return nil
}

func (m *mappingReader) replace(key *yaml.Node, path, name string, value any) {
	old, set := m.out[name]
	if _, merged := m.merged[name]; set && !merged && m.Replaced != nil && !reflect.DeepEqual(old, value) {
		m.Replaced(key, path, name)
	}
	m.out[name] = value
	if m.merged == nil {
		m.merged = map[string]struct{}{}
	}
	m.merged[name] = struct{}{}
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
