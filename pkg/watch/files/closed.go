package files

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files/schema"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// close adds an object in place of one that cannot be read, if objects of its kind close; see object.KindRow.Close. A file that declared
// the object before keeps its last good state instead. The Problems since reported then say so.
func (f *fileParser) close(n *yaml.Node, before int, ref mesh.Ref, row *object.KindRow, reported int) {
	if row.Close == nil {
		return
	}
	if o := f.addClosed(row, ref, before+n.Line, texts(lookup(lookup(n, "metadata"), "annotations")), specParts(n)); o.Value == nil {
		return
	}
	closes := strings.NewReplacer("The object is not used", "The object closes", "It is not used", "It closes")
	for i := range f.out.problems[reported:] {
		p := &f.out.problems[reported+i]
		p.Message = closes.Replace(p.Message)
	}
}

func (f *fileParser) addClosed(row *object.KindRow, ref mesh.Ref, line int, annotations map[string]string, parts object.Parts) *object.Object {
	key := object.Key{Kind: row.Kind, Namespace: ref.Namespace, Name: ref.Name}
	if key.Name == "" {
		key.Name = f.at(line)
	}
	o := row.Close(key, f.options.Domain, annotations, parts)
	o.Source = &mesh.Source{File: f.path, Line: line}
	f.out.objects = append(f.out.objects, &o)
	return &o
}

// plainSpec returns the spec of an object that was read; nil if it has none.
func plainSpec(value any) map[string]any {
	fields, _ := value.(map[string]any)
	spec, _ := fields["spec"].(map[string]any)
	return spec
}

// unnamed reports whether the name of a closed object could not be read.
func unnamed(o *object.Object) bool { return strings.HasPrefix(o.Key.Name, o.Source.File+":") }

// specParts returns the fields of an object's spec, as far as they can be read.
func specParts(n *yaml.Node) object.Parts {
	spec := lookup(n, "spec")
	switch {
	case spec == nil || spec.Kind == yaml.ScalarNode && spec.ShortTag() == "!!null":
		return object.Parts{}
	case spec.Kind != yaml.MappingNode:
		return object.AllUnreadable
	}
	parts := object.Parts{}
	for i := 0; i+1 < len(spec.Content); i += 2 {
		key := spec.Content[i]
		if schema.IsMerge(key) {
			return object.AllUnreadable
		}
		reader := schema.Reader{}
		value := reader.Read(spec.Content[i+1], nil)
		if _, twice := parts[key.Value]; twice || len(reader.Violations) > 0 {
			value = object.Unreadable{}
		}
		parts[key.Value] = value
	}
	return parts
}

// closeNearly closes an object whose kind or version is nearly right. It returns the row of the kind that is meant; nil if
// objects of that kind do not protect servers.
func (f *fileParser) closeNearly(n *yaml.Node, line int, ref mesh.Ref) *object.KindRow {
	row := closingRow(ref.Kind)
	if row == nil {
		return nil
	}
	if ref.Namespace = cmp.Or(ref.Namespace, f.options.Namespace); !f.reads(row, ref.Namespace) {
		return nil
	}
	f.close(n, line-n.Line, ref, row, len(f.out.problems))
	return row
}

// closingRow returns the row of the kind that an author probably means, if its objects protect servers; else nil.
func closingRow(kind string) *object.KindRow {
	var names []string
	for row := range object.InFiles() {
		if row.Protects() {
			names = append(names, string(row.Kind))
		}
	}
	return object.Kind(mesh.Nearest(kind, names)).Row()
}

// What is looked for in a text that cannot be parsed: where objects begin, and the first of each of their fields.
var (
	beginsAny   = regexp.MustCompile(`(?m)^[ \t-]*apiVersion[ \t]*:|"apiVersion"[ \t]*:`)
	closingKind = regexp.MustCompile(`\bkind["']?[ \t]*:[ \t]*["']?(AuthorizationPolicy|PeerAuthentication)\b`)
	textOf      = func(field string) *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[\s{,"'])` + field + `["']?[ \t]*:[ \t]*["']?([A-Za-z0-9.-]+)`)
	}
	nameText, namespaceText, actionText, dryRunText = textOf("name"), textOf("namespace"), textOf("action"), textOf(regexp.QuoteMeta("istio.io/dry-run"))
)

// closeText closes the objects of a part that is not parsed, except those that were read. objects is how many objects
// there were before the part. Only their names, their action and whether they are dry runs are read, and every pod of
// their namespace is meant.
func (f *fileParser) closeText(data []byte, before, objects int) {
	if !closingKind.Match(data) {
		return
	}
	starts := []int{0}
	for _, at := range beginsAny.FindAllIndex(data, -1) {
		starts = append(starts, at[0])
	}
	starts = append(starts, len(data))
	read, line := readObjects(f.out.objects[objects:]), before+1
	for i, start := range starts[:len(starts)-1] {
		text, first := data[start:starts[i+1]], line
		line += bytes.Count(text, []byte("\n"))
		kind := firstOf(closingKind, text)
		if kind == "" {
			continue
		}
		ref := mesh.Ref{Kind: kind, Namespace: cmp.Or(firstOf(namespaceText, text), f.options.Namespace), Name: firstOf(nameText, text)}
		if read.has(ref, first, line) || !f.reads(object.Kind(kind).Row(), ref.Namespace) {
			continue
		}
		if ref.Name != "" {
			read.refs[ref] = struct{}{}
		}
		parts := object.Parts{"selector": object.Unreadable{}, "mtls": object.Unreadable{}}
		if action := firstOf(actionText, text); action != "" {
			parts["action"] = action
		} else if bytes.Contains(text, []byte("action")) || bytes.Contains(text, []byte("DENY")) {
			parts["action"] = object.Unreadable{}
		}
		annotations := map[string]string{}
		if dry := firstOf(dryRunText, text); dry != "" {
			annotations["istio.io/dry-run"] = dry
		}
		f.addClosed(object.Kind(kind).Row(), ref, first, annotations, parts)
	}
}

// objectsRead are the objects that were read of a part. A text may have hundreds of thousands.
type objectsRead struct {
	refs map[mesh.Ref]struct{}
	// lines are where those of each kind begin, sorted.
	lines map[string][]int
}

func readObjects(objects []*object.Object) objectsRead {
	read := objectsRead{map[mesh.Ref]struct{}{}, map[string][]int{}}
	for _, o := range objects {
		read.refs[o.Key.Ref()] = struct{}{}
		read.lines[string(o.Key.Kind)] = append(read.lines[string(o.Key.Kind)], o.Source.Line)
	}
	for _, lines := range read.lines {
		slices.Sort(lines)
	}
	return read
}

// has reports whether an object was read, or one of its kind that begins in these lines.
func (r objectsRead) has(ref mesh.Ref, first, last int) bool {
	_, same := r.refs[ref]
	lines := r.lines[ref.Kind]
	i, _ := slices.BinarySearch(lines, first)
	return same || i < len(lines) && lines[i] <= last
}

func firstOf(expression *regexp.Regexp, text []byte) string {
	if found := expression.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}
