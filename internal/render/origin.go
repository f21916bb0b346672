package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Origin is where a part of a resource comes from.
type Origin struct {
	// Part is the path of the part in the resource; empty is the whole resource.
	Part string `json:"part,omitempty"`
	mesh.FieldLocation
}

// origins returns the objects that the resource comes from, and the fields that its parts come from.
func origins(world *mesh.World, v *snapshot.Versioned) []Origin {
	var all []Origin
	for _, ref := range v.Refs {
		if slices.ContainsFunc(v.Origins, func(p report.Origin) bool { return p.Path == "" && p.Ref == ref }) {
			continue // one of its fields is listed below
		}
		all = append(all, Origin{"", world.Locate(ref, "")})
	}
	for _, p := range v.Origins {
		all = append(all, Origin{p.Path, world.Locate(p.Ref, p.Field)})
	}
	return all
}

// commented returns the resource as YAML. Comments above a part are its origins.
func commented(r Resource) ([]byte, error) {
	var plain bytes.Buffer
	if err := writeField(&plain, "resource", r.Resource); err != nil {
		return nil, err
	}
	if len(r.Origins) == 0 {
		return plain.Bytes(), nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal(plain.Bytes(), &document); err != nil {
		return nil, fmt.Errorf("find the parts of %s: %w", r.Name, err)
	}
	above := map[int][]Origin{}
	for _, o := range r.Origins {
		line := lineOf(document.Content[0], "resource."+o.Part)
		above[line] = append(above[line], o)
	}
	var out bytes.Buffer
	number := 0
	for line := range bytes.Lines(plain.Bytes()) {
		number++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " "))]
		for _, o := range above[number] {
			fmt.Fprintf(&out, "%s# %s\n", indent, o.FieldLocation)
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}

// lineOf returns the line of a path. If the resource has no such part, it is the line of the nearest part above it.
func lineOf(n *yaml.Node, path string) int {
	line := n.Line
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		next := 0
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next, n = n.Content[i].Line, n.Content[i+1]
					break
				}
			}
		case yaml.SequenceNode:
			var i int
			if _, err := fmt.Sscan(step, &i); err == nil && i < len(n.Content) {
				n = n.Content[i]
				next = n.Line
			}
		default: // a value has no parts
		}
		if next == 0 {
			return line
		}
		line = next
	}
	return line
}
