package schema

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxFlow is the length of a value that is repeated in a message.
	maxFlow = 120
	// maxExample is how deep an example is.
	maxExample = 4
)

// message returns why a value is rejected where something else is required, with a line that the author can copy if it is known
// what was meant. A single value that nobody wrote is not proposed: it would be as wrong as the other.
func (v found) message(required string, s Schema) string {
	line := s.proposal(v)
	if invented := v.isNull() || !isAccepted(line, s); invented || v.isEmpty() && v.grants {
		if _, single := s.(scalarSchema); !single && !v.grants {
			required += " is required here, such as " + s.example(0)
		} else {
			required += " is required here"
		}
		return fmt.Sprintf("Found %s. The object is not used, because %s. Correct it.", v, required)
	}
	if v.name != "" {
		line = key(v.name) + ": " + line
	}
	return fmt.Sprintf("Found %s. The object is not used, because %s is required here. Write %s", v, required, line)
}

// isAccepted reports whether a value in flow style is allowed, with all its parts.
func isAccepted(line string, s Schema) bool {
	var n yaml.Node
	if line == "" || len(line) > maxFlow || yaml.Unmarshal([]byte(line), &n) != nil || len(n.Content) != 1 {
		return false
	}
	unknown := false
	reader := Reader{quiet: true, Unknown: func(*yaml.Node, string, string, Schema) { unknown = true }}
	reader.Read(n.Content[0], s)
	return !unknown && len(reader.Violations) == 0
}

// lastName returns the name of the field at a path; empty for the item of a list.
func lastName(path string) string {
	if strings.HasSuffix(path, "]") {
		return ""
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

// only returns the only value in a list or mapping.
func (v found) only() (found, bool) {
	size := map[yaml.Kind]int{yaml.SequenceNode: 1, yaml.MappingNode: 2}[v.node.Kind]
	if size == 0 || len(v.node.Content) != size {
		return found{}, false
	}
	inner, err := find(v.node.Content[size-1], v.path)
	inner.nearest = v.nearest
	return inner, err == nil && inner.node.Kind != yaml.AliasNode && !inner.isNull()
}

// listProposal puts a value into a list.
func listProposal(v found, item Schema) string {
	if item == nil {
		return ""
	}
	inner := itemProposal(v, item)
	if inner == "" && v.node.Kind == yaml.MappingNode {
		if only, ok := v.only(); ok {
			inner = itemProposal(only, item)
		}
	}
	if inner == "" {
		return ""
	}
	return "[" + inner + "]"
}

func itemProposal(v found, s Schema) string {
	if v.node.Kind == yaml.AliasNode || v.isNull() {
		return ""
	}
	if s.violation(v) == "" {
		return flow(v.node)
	}
	return s.proposal(v)
}

func listExample(item Schema, depth int) string {
	if item == nil || depth > maxExample {
		return "[]"
	}
	return "[" + item.example(depth+1) + "]"
}

func namesExample(name string, value Schema, depth int) string {
	if value == nil || depth > maxExample {
		return "{}"
	}
	return "{" + name + ": " + value.example(depth+1) + "}"
}

// namesProposal makes a mapping of texts such as "version=v1", or of names alone.
func namesProposal(v found, value Schema) string {
	if value == nil {
		return ""
	}
	nodes := []*yaml.Node{v.node}
	if v.node.Kind == yaml.SequenceNode {
		nodes = v.node.Content
	}
	var entries []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			return ""
		}
		name, text, ok := strings.Cut(n.Value, "=")
		entry := value.example(1)
		if ok {
			entry = itemProposal(found{node: stringNode(text), value: text}, value)
		}
		entries = append(entries, key(name)+": "+entry)
	}
	if len(entries) == 0 {
		return ""
	}
	return "{" + strings.Join(entries, ", ") + "}"
}

func stringNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text}
}

// unlikely are fields that authors do not mean by a value alone: in place of a reference they write its name.
var unlikely = []string{"namespace", "kind", "type", "group"}

// fieldProposal puts a value into the first field of a mapping that accepts it, or else into the first that it can be
// changed for.
func fieldProposal(v found, s Schema, names []string) string {
	if v.node.Kind == yaml.SequenceNode {
		inner, ok := v.only()
		if !ok {
			return ""
		}
		v = inner
	}
	if v.node.Kind == yaml.MappingNode {
		if s.violation(v) == "" {
			return flow(v.node)
		}
		return ""
	}
	_, yesOrNo := v.value.(bool) // It is no name, however it is written.
	names = slices.SortedStableFunc(slices.Values(names), func(a, b string) int { return cmp.Compare(slices.Index(unlikely, a), slices.Index(unlikely, b)) })
	for _, accepted := range []bool{true, false} {
		for _, name := range names {
			entry, _ := s.field(name)
			scalar, ok := entry.(scalarSchema)
			if !ok || yesOrNo && !accepted || scalar.violation(v) == "" != accepted {
				continue
			}
			if text := scalar.proposal(v); text != "" {
				return "{" + name + ": " + text + "}"
			}
		}
	}
	return ""
}

// endpointProposal writes a text with an address and a port as an endpoint; empty for any other value.
func endpointProposal(v found) string {
	text, _ := v.value.(string)
	host, port, err := net.SplitHostPort(text)
	if number, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || number == 0 {
		return ""
	}
	return "{address: " + key(host) + ", ports: {NAME: " + port + "}}"
}

// fieldExample is a mapping with one field: the name, if it has one.
func fieldExample(s Schema, names []string, depth int) string {
	if depth > maxExample {
		return "{}"
	}
	if slices.Contains(names, "name") {
		names = []string{"name"}
	}
	for _, scalars := range []bool{true, false} {
		for _, name := range names {
			entry, _ := s.field(name)
			if entry == nil {
				continue
			}
			if _, ok := entry.(scalarSchema); ok == scalars {
				return "{" + name + ": " + entry.example(depth+1) + "}"
			}
		}
	}
	return "{}"
}

// flow writes a value on one line; empty if it is too long, or has aliases.
func flow(n *yaml.Node) string {
	text, ok := flowParts(n, 0)
	if !ok || len(text) > maxFlow {
		return ""
	}
	return text
}

func flowParts(n *yaml.Node, depth int) (string, bool) {
	if depth > maxExample || len(n.Content) > maxFlow {
		return "", false
	}
	var parts []string
	for i := 0; i < len(n.Content); i++ {
		text, ok := flowParts(n.Content[i], depth+1)
		if !ok {
			return "", false
		}
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			parts[len(parts)-1] += ": " + text
			continue
		}
		parts = append(parts, text)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return "{" + strings.Join(parts, ", ") + "}", true
	case yaml.SequenceNode:
		return "[" + strings.Join(parts, ", ") + "]", true
	case yaml.ScalarNode:
		return flowScalar(n), n.Style&yaml.TaggedStyle == 0
	case yaml.AliasNode, yaml.DocumentNode:
	}
	return "", false
}

func flowScalar(n *yaml.Node) string {
	if isPlain(n) {
		return key(n.Value)
	}
	return strconv.Quote(n.Value)
}

// key returns a text as it is, or in quotes if it means something else in flow style.
func key(text string) string {
	if text == "" || strings.ContainsAny(text, ",[]{}#&*!|>'\"%@`\n") || strings.Contains(text, ": ") {
		return strconv.Quote(text)
	}
	return text
}
