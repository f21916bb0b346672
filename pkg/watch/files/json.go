package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxJSONDepth is above the depth that a schema allows, and keeps the stack small.
const maxJSONDepth = 1000

var errJSONDepth = errors.New("it is nested too deeply")

// jsonNodes parses a text as JSON values, one after the other, as kubectl does with a text that begins with a brace.
// It returns no nodes if the text does not begin with a JSON object: flow style YAML looks similar. YAML is not quite a
// superset: it has no escape \/ and no pairs of surrogates, and a document has one value.
func jsonNodes(data []byte) ([]*yaml.Node, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n\ufeff"), []byte("{")) {
		return nil, nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := jsonReader{decoder: json.NewDecoder(bytes.NewReader(data)), text: data, line: 1}
	r.decoder.UseNumber()
	var all []*yaml.Node
	for {
		n, err := r.value(0)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, n)
	}
}

// jsonReader makes nodes of JSON tokens.
type jsonReader struct {
	decoder *json.Decoder
	text    []byte
	// offset is up to where lines were counted, and line the line there.
	offset int64
	line   int
}

// token returns the next token and the line where it ends, which is where it begins: no token has a line break.
func (r *jsonReader) token() (json.Token, int, error) {
	t, err := r.decoder.Token()
	at := r.decoder.InputOffset()
	r.line += bytes.Count(r.text[r.offset:at], []byte("\n"))
	r.offset = at
	return t, r.line, err
}

// value reads one value. io.EOF is returned only before its first token.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	t, line, err := r.token()
	if err != nil {
		return nil, err
	}
	if depth > maxJSONDepth {
		return nil, errJSONDepth
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: line, Column: 1}
	switch t := t.(type) {
	case json.Delim:
		n.Kind, n.Style = yaml.SequenceNode, yaml.FlowStyle
		if t == '{' {
			n.Kind = yaml.MappingNode
		}
		return n, r.content(n, depth)
	case string:
		n.Tag, n.Style, n.Value = "!!str", yaml.DoubleQuotedStyle, t
	case json.Number:
		n.Value = t.String()
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(t)
	case nil:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// content reads the rest of an object or array. A key that occurs twice is left to the reader of the schema.
func (r *jsonReader) content(n *yaml.Node, depth int) error {
	for r.decoder.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return inside(err)
		}
		n.Content = append(n.Content, v)
	}
	_, _, err := r.token()
	return inside(err)
}

// inside returns the error of a text that ends within a value.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
