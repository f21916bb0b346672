package files

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/watch/files/schema"
)

// head is what identifies an object, as its author wrote it.
type head struct{ apiVersion, kind, namespace, name string }

func headOf(n *yaml.Node) head {
	metadata := lookup(n, "metadata")
	return head{text(lookup(n, "apiVersion")), text(lookup(n, "kind")), text(lookup(metadata, "namespace")), text(lookup(metadata, "name"))}
}

// maxMerges limits merge keys within merge keys, which an alias may repeat without end.
const maxMerges = 10

// lookup returns the value of a mapping's last field of that name, or nil.
func lookup(n *yaml.Node, name string) *yaml.Node {
	_, value := entry(n, name, 0)
	return value
}

// entry returns the key and the value of a mapping's last field of that name, or nil. A merge key sets fields where it
// is, as in schema.Reader.
func entry(n *yaml.Node, name string, merges int) (key, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode || merges > maxMerges {
		return nil, nil
	}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if !schema.IsMerge(n.Content[i]) {
			if n.Content[i].Value == name {
				return n.Content[i], resolve(n.Content[i+1])
			}
			continue
		}
		merged := resolve(n.Content[i+1])
		parts := []*yaml.Node{merged}
		if merged.Kind == yaml.SequenceNode {
			parts = merged.Content
		}
		for _, part := range parts {
			if key, value = entry(resolve(part), name, merges+1); value != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// fieldLine returns the line of a field such as spec.ports[0].name, or else of what contains it.
func fieldLine(n *yaml.Node, path string) int {
	line := n.Line
	for _, part := range fieldParts.FindAllString(path, -1) {
		if i, err := strconv.Atoi(strings.Trim(part, "[]")); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
			n = resolve(n.Content[i])
			line = n.Line
			continue
		}
		key, value := entry(n, strings.Trim(part, "[]"), 0)
		if value == nil {
			return line
		}
		n, line = value, key.Line
	}
	return line
}

// fieldParts matches the parts of a path. A key in brackets may have dots.
var fieldParts = regexp.MustCompile(`\[[^]]*\]|[^.[]+`)

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// text returns the text of a scalar; empty for null and for anything else.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// unseparated returns the lines at which further objects begin in a mapping that several objects were written into, as
// when files without document markers are put together. It returns nil for one object.
func unseparated(n *yaml.Node) []int {
	var lines []int
	seen := map[string]struct{}{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if _, again := seen[name]; again {
			clear(seen)
			lines = append(lines, n.Content[i].Line)
		}
		seen[name] = struct{}{}
	}
	_, version := seen["apiVersion"]
	_, kind := seen["kind"]
	if !version || !kind {
		return nil // fields of one object are repeated
	}
	return lines
}

// separate returns the message about documents that begin at these further lines.
func (f *fileParser) separate(lines []int, before int) string {
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = fmt.Sprintf("line %d", before+line)
	}
	where := all[0]
	if last := len(all) - 1; last > 0 {
		where = strings.Join(all[:last], ", ") + " and " + all[last]
	}
	return fmt.Sprintf("%d documents are not separated. None of them is used. Write --- before %s.", len(lines)+1, where)
}

// hasObjects reports whether a list has objects.
func hasObjects(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.SequenceNode && slices.ContainsFunc(n.Content, func(item *yaml.Node) bool {
		h := headOf(resolve(item))
		return h.apiVersion != "" && h.kind != ""
	})
}

// isTemplate reports whether a document has an action of a template, such as {{ .Values.name }}: to YAML it is a mapping
// with a mapping as its key.
func isTemplate(n *yaml.Node, depth int) bool {
	if depth > maxJSONDepth {
		return false
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle != 0 || isTemplate(c, depth+1) {
			return true
		}
	}
	return false
}

// tabIndents reports whether a line of a text, counted from 1, is indented by a tab.
func tabIndents(data []byte, line int) bool {
	text := lineOf(data, line)
	indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
	return bytes.IndexByte(indent, '\t') >= 0
}

// starBegins reports whether a value in a line of a text begins with *, which YAML takes for a reference.
func starBegins(data []byte, line int) bool { return starValue.Match(lineOf(data, line)) }

var starValue = regexp.MustCompile(`[\[{,:-]\s*\*`)

// lineOf returns a line of a text, counted from 1; nothing if there is none.
func lineOf(data []byte, line int) []byte {
	for text := range bytes.Lines(data) {
		if line--; line == 0 {
			return text
		}
	}
	return nil
}
