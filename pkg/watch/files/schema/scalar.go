package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalarSchema is the schema of a single value: it returns why a node is not such a value. The library that decodes
// objects would find that, too, but reports Go types and no position.
type scalarSchema func(*yaml.Node) string

func (scalarSchema) field(string) (Schema, bool)     { return nil, true }
func (scalarSchema) Fields() []string                { return nil }
func (scalarSchema) element() Schema                 { return nil }
func (l scalarSchema) violation(n *yaml.Node) string { return l(n) }

func noList(n *yaml.Node) string {
	return unless(n.Kind == yaml.SequenceNode, "a list is required. Write a dash before each entry.")
}

func noMapping(n *yaml.Node) string {
	return unless(n.Kind == yaml.MappingNode, "a mapping is required. Write field names, each with a value.")
}

func noText(n *yaml.Node) string { return unless(isText(n), "a string is required. Put it in quotes.") }

func noBool(n *yaml.Node) string {
	return unless(n.ShortTag() == "!!bool", "true or false is required. Write it without quotes.")
}

func noNumber(n *yaml.Node) string {
	_, err := strconv.ParseFloat(strings.Trim(inJSON(n), `"`), 64)
	return unless(err == nil, "a number is required. Use digits.")
}

func noDuration(n *yaml.Node) string {
	_, err := time.ParseDuration(n.Value)
	return unless(err == nil && isText(n), "a duration is required. Write a number with a unit, such as 1.5s.")
}

// noWhole checks integers of a number of bits. Integers of messages may be quoted.
func noWhole(bits int, signed, quoted bool) scalarSchema {
	return func(n *yaml.Node) string {
		text := inJSON(n)
		if quoted {
			text = strings.Trim(text, `"`)
		}
		if signed {
			_, err := strconv.ParseInt(text, 10, bits)
			return unless(err == nil, fmt.Sprintf("a %d-bit integer is required. Write a whole number.", bits))
		}
		_, err := strconv.ParseUint(text, 10, bits)
		return unless(err == nil, fmt.Sprintf("a %d-bit integer of at least 0 is required. Write a whole number.", bits))
	}
}

// goScalars are the scalar types of Go that watched objects use.
var goScalars = map[reflect.Kind]scalarSchema{
	reflect.String: noText, reflect.Bool: noBool, reflect.Int32: noWhole(32, true, false), reflect.Int64: noWhole(64, true, false),
}

// messageScalars are the scalar types of messages' fields.
var messageScalars = map[protoreflect.Kind]scalarSchema{
	protoreflect.StringKind: noText, protoreflect.BoolKind: noBool, protoreflect.DoubleKind: noNumber,
	protoreflect.Int32Kind: noWhole(32, true, true), protoreflect.Uint32Kind: noWhole(32, false, true), protoreflect.Uint64Kind: noWhole(64, false, true),
}

func unless(good bool, why string) string {
	if good {
		return ""
	}
	return why
}

// isText reports whether YAML reads a node as a string.
func isText(n *yaml.Node) bool {
	tag := n.ShortTag()
	return n.Kind == yaml.ScalarNode && tag != "!!bool" && tag != "!!int" && tag != "!!float"
}

// inJSON returns a scalar as JSON; empty for any other node.
func inJSON(n *yaml.Node) string {
	var v any
	if n.Kind != yaml.ScalarNode || n.Decode(&v) != nil {
		return ""
	}
	data, err := json.Marshal(v)
	return unless(err != nil, string(data))
}
