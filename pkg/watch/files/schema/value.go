package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	apiyaml "sigs.k8s.io/yaml"
)

// found is a value of a document, as an API server would receive it.
type found struct {
	node *yaml.Node
	// path is where it is, and name is its name there; empty for the item of a list.
	path, name string
	// value is the value of a scalar: nil, a bool, a json.Number or a string. It is nil for any other node.
	value any
	// nearest is Reader.Nearest.
	nearest func(name string, names []string) string
	// grants is Reader.Grants.
	grants bool
}

// isEmpty reports whether the node is a list or mapping of nothing.
func (v found) isEmpty() bool { return v.node.Kind != yaml.ScalarNode && len(v.node.Content) == 0 }

// find reads a node that is not an alias.
func find(n *yaml.Node, path string) (found, error) {
	v := found{node: n, path: path, name: lastName(path)}
	var err error
	if n.Kind == yaml.ScalarNode {
		v.value, err = scalarValue(n)
	}
	return v, err
}

// scalarValue reads a scalar by the rules of YAML 1.1, as kubectl and API servers do, in which a plain "on" is a
// boolean. Their own parser decides.
func scalarValue(n *yaml.Node) (any, error) {
	source, ok := ambiguous(n)
	if !ok {
		return n.Value, nil
	}
	if v, ok := frequent(source); ok {
		return v, nil
	}
	var list []any
	if err := readByAPI("- "+source, &list); err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%q is not a value", n.Value)
	}
	return list[0], nil
}

// keyText returns the text of a mapping's key, in the same way: an API server receives names, so a number becomes its
// digits, and a boolean true or false.
func keyText(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", errors.New("a list or mapping is not a name")
	}
	source, ok := ambiguous(n)
	if !ok {
		return n.Value, nil
	}
	var entries map[string]any
	if err := readByAPI("? "+source+"\n: 0", &entries); err != nil {
		return "", err
	}
	for name := range entries {
		return name, nil
	}
	return "", fmt.Errorf("%q is not a name", n.Value)
}

// ambiguous returns the source of a scalar that may be something else than the string that it looks like. Most are
// not, and are not worth a call of the parser.
func ambiguous(n *yaml.Node) (source string, ok bool) {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		quoted, err := json.Marshal(n.Value)
		return "!<" + n.LongTag() + "> " + string(quoted), err == nil
	case !isPlain(n):
		return "", false
	}
	return n.Value, mayBeOther(n.Value)
}

// readByAPI reads a document as kubectl and API servers do.
func readByAPI(document string, into any) error {
	encoded, err := apiyaml.YAMLToJSON([]byte(document))
	if err != nil {
		return err
	}
	return decodeJSON(encoded, into)
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// isPlain reports whether a scalar is written without quotes.
func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// mayBeOther reports whether a plain text may be a number, a boolean or null.
func mayBeOther(text string) bool {
	switch {
	case text == "":
		return true
	case text == "-" || strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._~") != "":
		return false
	case strings.IndexByte("0123456789+-.", text[0]) >= 0:
		return strings.Count(text, ".") < 2 // addresses are frequent
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~":
		return true
	}
	return false
}

// frequent returns the value of a plain text that is read alike by every rule: true, false, and small numbers.
func frequent(text string) (any, bool) {
	switch {
	case text == "true" || text == "false":
		return text == "true", true
	case len(text) < 10 && text != "" && text[0] != '0' && strings.Trim(text, "0123456789") == "":
		return json.Number(text), true
	}
	return nil, false
}

// isString reports whether a value is a string.
func (v found) isString() bool {
	_, ok := v.value.(string)
	return ok
}

// isNull reports whether a value is null.
func (v found) isNull() bool { return v.node.Kind == yaml.ScalarNode && v.value == nil }

// number returns the digits of a number; empty for anything else.
func (v found) number() string {
	n, _ := v.value.(json.Number)
	return n.String()
}

// digits returns the digits of a number, or the text of a string, which a message accepts in its place.
func (v found) digits() string {
	if text, ok := v.value.(string); ok {
		return text
	}
	return v.number()
}

// String describes the value as its author wrote it.
func (v found) String() string {
	switch v.node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	switch v.value.(type) {
	case string:
		return "the string " + strconv.Quote(v.node.Value)
	case bool:
		return "the boolean " + v.node.Value
	case json.Number:
		return "the number " + v.node.Value
	}
	return "nothing"
}
