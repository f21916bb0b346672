package schema

import (
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
	invented := v.isNull() || !isAccepted(line, s)
	if invented && v.isItemOf(s) {
		return fmt.Sprintf("Found %s. The object is not used, because %s is required here. Write - and a space before its first field, and indent the others.", v, required)
	}
	if invented || v.isEmpty() && v.grants {
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

// isItemOf reports whether a mapping, which may be too long to be repeated, is what an item of a list may be.
func (v found) isItemOf(list Schema) bool {
	item := list.element()
	return item != nil && v.node.Kind == yaml.MappingNode && !v.isEmpty() && isAllowed(v.node, item)
}

// isAccepted reports whether a value in flow style is allowed, with all its parts.
func isAccepted(line string, s Schema) bool {
	var n yaml.Node
	if line == "" || len(line) > maxFlow || yaml.Unmarshal([]byte(line), &n) != nil || len(n.Content) != 1 {
		return false
	}
	return isAllowed(n.Content[0], s)
}

// isAllowed reports whether a value is allowed, with all its parts.
func isAllowed(n *yaml.Node, s Schema) bool {
	unknown := false
	reader := Reader{quiet: true, Unknown: func(*yaml.Node, string, string, Schema) { unknown = true }}
	reader.Read(n, s)
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
	if pairs := pairsProposal(v, item); pairs != "" {
		return pairs
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

// pairsProposal makes a list of names with values of a mapping, such as {x-a: b}; empty for any other value or list.
func pairsProposal(v found, item Schema) string {
	fields := item.Fields()
	if v.node.Kind != yaml.MappingNode || v.isEmpty() || !slices.Contains(fields, "name") || !slices.Contains(fields, "value") {
		return ""
	}
	var pairs []string
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		name, value := v.node.Content[i], v.node.Content[i+1]
		if slices.Contains(fields, name.Value) || name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || value.Value == "" {
			return ""
		}
		pairs = append(pairs, "{name: "+key(name.Value)+", value: "+flowScalar(stringNode(value.Value))+"}")
	}
	return "[" + strings.Join(pairs, ", ") + "]"
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
	if v.node.Kind == yaml.ScalarNode && !v.isString() && value.violation(v) == "" {
		return "{NAME: " + flow(v.node) + "}" // such as the number of a port
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
	names = v.usualFirst(names)
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

// usualFirst returns the names of fields with those first that a single value usually is: method: Greet means method: {method: Greet},
// path: /a means path: {value: /a}, and an item greeter of backendRefs is {name: greeter}. A method has no dot, so method: a.B means
// method: {service: a.B}.
func (v found) usualFirst(names []string) []string {
	usual := []string{v.name, "value", "name"}
	if text, _ := v.value.(string); strings.Contains(text, ".") {
		usual[0] = "service"
	}
	ordered := slices.DeleteFunc(usual, func(name string) bool { return !slices.Contains(names, name) })
	for _, name := range names {
		if !slices.Contains(ordered, name) {
			ordered = append(ordered, name)
		}
	}
	return ordered
}

// parentProposal writes a text as a parent of a Route. It is probably the name of a Service, and not of a Gateway, which a name alone
// would mean.
func parentProposal(v found) string {
	if !v.isString() || v.node.Value == "" {
		return ""
	}
	return `{group: "", kind: Service, name: ` + key(v.node.Value) + "}"
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
