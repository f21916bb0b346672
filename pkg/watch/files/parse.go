package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files/schema"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// maxFile and maxDocument limit what is read. An API server accepts no object above 3 MiB.
	maxFile     = 64 << 20
	maxDocument = 4 << 20
	// maxDocuments limits the documents of a file: what is kept of each takes more memory than a short text.
	maxDocuments = 200_000
	// maxFields is the number of fields of an object whose lines are kept. Other fields get the line of what contains
	// them.
	maxFields = 10_000
)

// parser makes objects of YAML. It belongs to one goroutine.
type parser struct {
	options watch.Options
	schemas schema.Schemas
	// leftOut are the namespaces of objects that were not read because Options.Namespaces does not have them.
	leftOut map[string]struct{}
}

func newParser(o watch.Options) *parser {
	return &parser{options: o, schemas: schema.Schemas{}, leftOut: map[string]struct{}{}}
}

// reads reports whether the objects of a kind and a namespace are read.
func (p *parser) reads(row *object.KindRow, namespace string) bool {
	if read := p.options.NamespacesOf(row); len(read) == 0 || slices.Contains(read, namespace) {
		return true
	}
	p.leftOut[namespace] = struct{}{}
	return false
}

// parsed is the content of a file.
type parsed struct {
	objects  []*object.Object
	problems []mesh.Problem
	// incomplete means that a part could not be read. Objects that the file declared before and does not declare now
	// may be in that part.
	incomplete bool
	// chunks are the parts of the text, and how many of the objects and problems belong to each.
	chunks []chunk
}

// fileParser parses one file.
type fileParser struct {
	*parser
	path string
	// strict means that the file was named by its author, or had objects before: then each document must be an object.
	strict bool
	// lists is how many Lists contain the current document; an alias may put a List into itself.
	lists int
	out   parsed
}

// maxLists is how deep Lists may be nested.
const maxLists = 4

// parse reads the documents of a file. Each document is read as far as it can be understood; everything else is a
// Problem, except empty documents.
func (p *parser) parse(path string, data []byte, how selection) parsed {
	return p.reparse(path, data, how, &parsed{})
}

// reparse does the same for a file that was parsed before. It keeps the result of each part that did not change and is
// at the same line.
func (p *parser) reparse(path string, data []byte, how selection, old *parsed) parsed {
	f := &fileParser{parser: p, path: path, strict: how == byName || len(old.objects) > 0}
	switch {
	case len(data) > maxFile:
		f.fail(mesh.CodeTooLarge, 0, f.ref(), "", fmt.Sprintf("The file is larger than %d bytes. It is not read. Split it.", maxFile))
		f.closeText(data, 0, 0)
	case isPacked.matches(path, nil) && !utf8.Valid(data):
		f.fail(mesh.CodeUnreadable, 0, f.ref(), "", "The file is packed. It is not read. Unpack it.")
	case !utf8.Valid(data):
		f.fail(mesh.CodeUnreadable, invalidLine(data), f.ref(), "", "The file is not UTF-8. It is not read. Save it as UTF-8.")
		f.closeText(data, 0, 0)
	default:
		data = bytes.TrimPrefix(data, []byte("\ufeff")) // Some shells write a byte order mark.
		known := old.byChunk()
		for chunk, line := range documents(data) {
			if len(f.out.chunks) == maxDocuments {
				f.fail(mesh.CodeTooLarge, line+1, f.ref(), "", fmt.Sprintf("The file has more than %d documents. They are not read from here on. Split it.", maxDocuments))
				f.closeText(data[cap(data)-cap(chunk):], line, len(f.out.objects))
				break
			}
			f.chunk(chunk, line, known)
		}
	}
	return f.out
}

func (f *fileParser) ref() mesh.Ref { return mesh.Ref{Kind: mesh.KindFile, Name: f.path} }

// decode reads the documents of one part: several only if they are JSON, or end with "...".
func (f *fileParser) decode(data []byte, before int) {
	if len(data) > maxDocument {
		f.large(data, before)
		return
	}
	nodes, err := jsonNodes(data)
	for _, n := range nodes {
		f.document(n, before, head{})
	}
	if len(nodes) > 0 {
		if err != nil {
			f.fail(mesh.CodeUnreadable, before+1+bytes.Count(data, []byte("\n")), f.ref(), "", "The last value is not JSON: "+err.Error()+". It is not used. Correct it.")
		}
		return
	}
	marked := true
	for line, text := range almostMarkers(data) {
		marked = false
		f.fail(mesh.CodeUnreadable, before+line, f.ref(), "", fmt.Sprintf("%q does not separate documents. Those around it are not used. Write --- alone, at the start of the line.", text))
	}
	if !marked {
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.invalid(data, before, err)
			return
		}
		switch {
		case len(n.Content) != 1 || n.Content[0].ShortTag() == "!!null":
		case bytes.Contains(data, []byte("{{")) && isTemplate(n.Content[0], 0):
			f.fail(mesh.CodeUnreadable, before+n.Content[0].Line, f.ref(), "", "The document is a template. It is not used. Render it first.")
		default:
			f.document(n.Content[0], before, head{})
		}
	}
}

// invalid reports a document that is not YAML. In a folder it is something else if it does not name an object's fields.
func (f *fileParser) invalid(data []byte, before int, err error) {
	line, why := schema.SyntaxError(err)
	wayOut := "Correct it."
	switch {
	case !f.strict && !bytes.Contains(data, []byte("apiVersion")) && !bytes.Contains(data, []byte("kind")):
		f.other(before + line)
		return
	case isTemplateFile.matches(f.path, data):
		wayOut = "If it is a template, render it first."
	case tabIndents(data, line):
		wayOut = "Indent with spaces: a tab indents the line."
	case starBegins(data, line):
		wayOut = "Write a value that begins with * in quotes."
	}
	f.fail(mesh.CodeUnreadable, before+line, f.ref(), "", "The document is not YAML: "+why+". It is not used. "+wayOut)
}

// document reads one object, or a List of objects. An object that does not state its apiVersion and kind has the
// inherited ones.
func (f *fileParser) document(n *yaml.Node, before int, inherited head) {
	n = resolve(n)
	line := before + n.Line
	if n.Kind != yaml.MappingNode {
		if hasObjects(n) {
			f.fail(mesh.CodeUnreadable, line, f.ref(), "", "The document is a list of objects. None of them is used. Write each as a document, with --- between them, or all as items of a List.")
			return
		}
		if !f.strict {
			f.other(line)
			return
		}
		f.fail(mesh.CodeUnreadable, line, f.ref(), "", "The document is not an object. It is not used. Add apiVersion, kind and metadata.")
		return
	}
	if lines := unseparated(n); len(lines) > 0 {
		f.fail(mesh.CodeUnreadable, before+lines[0], f.ref(), "", f.separate(lines, before))
		return
	}
	head := headOf(n)
	if head.kind == "" && head.apiVersion == "" {
		head.apiVersion, head.kind = inherited.apiVersion, inherited.kind
	}
	row := object.RowOf(head.apiVersion, head.kind)
	switch {
	case head.kind == "" || head.apiVersion == "":
		f.headless(n, line, head)
	case isList(n, head):
		f.list(n, before, head)
	case row == nil:
		f.unread(n, line, head)
	default:
		f.named(n, before, head, row)
	}
}

// named reads an object of a kind that is read, if it has a name.
func (f *fileParser) named(n *yaml.Node, before int, head head, row *object.KindRow) {
	line, ref := before+n.Line, mesh.Ref{Kind: head.kind, Namespace: head.namespace, Name: head.name}
	if !row.ClusterScoped {
		ref.Namespace = cmp.Or(ref.Namespace, f.options.Namespace)
		if !f.reads(row, ref.Namespace) {
			return
		}
	}
	if ref.Name == "" {
		f.fail(mesh.CodeInvalidValue, line, f.ref(), "metadata.name", "The "+head.kind+" has no name. It is not used. Add metadata.name.")
		f.close(n, before, ref, row, len(f.out.problems)-1)
		return
	}
	if row.NameIsLabel && len(validation.IsDNS1123Label(ref.Name)) > 0 {
		f.fail(mesh.CodeInvalidValue, line, ref, "metadata.name", fmt.Sprintf("A %s cannot have the name %q. It is not used. Use lower-case letters, digits and hyphens.", head.kind, ref.Name))
		return
	}
	f.object(n, before, ref, row)
}

// object decodes and converts one object.
func (f *fileParser) object(n *yaml.Node, before int, ref mesh.Ref, row *object.KindRow) {
	line, reported := before+n.Line, len(f.out.problems)
	typed := row.New()
	r := f.reading(typed, before, ref, row)
	r.source.Line = line
	value := r.Read(n, r.root)
	strict, isStrict := typed.(object.Strict)
	for _, v := range r.Violations {
		if isStrict {
			v.Message = strings.ReplaceAll(v.Message, "The object is not used", "The part that contains it closes")
		}
		f.fail(mesh.CodeInvalidValue, before+v.Line, ref, v.Field, v.Message)
		r.unread = append(r.unread, v.Field)
	}
	unused := len(r.Violations) > 0 && (!isStrict || value == nil)
	if isStrict && len(r.Violations) > 0 {
		object.FillItems(value, strict.SpecMessage())
	}
	if !unused {
		if err := object.Decode(value, typed); err != nil {
			f.fail(mesh.CodeInvalidValue, line, ref, "", err.Error()+". The object is not used. Correct it.")
			unused = true
		}
	}
	if typed.SetNamespace(ref.Namespace); unused || !f.validMetadata(typed, n, before, ref, row) {
		f.out.problems = append(f.out.problems, r.found...)
		f.silence(n, line, ref, reported)
		f.close(n, before, ref, row, reported)
		return
	}
	if isStrict {
		strict.NoteUnknown(r.unread, object.EmptyFields(plainSpec(value)), true)
	}
	o := row.Convert(typed, f.options.Domain)
	o.Source, o.Closed = r.source, len(r.Violations) > 0
	if fields, ok := value.(map[string]any); ok {
		o.KeepManifest(typed, fields)
	}
	f.rejected(&o, typed, n, before, ref, row)
	o.Problems = append(o.Problems, r.found...)
	f.out.objects = append(f.out.objects, &o)
}

// reading is the reading of one object.
type reading struct {
	schema.Reader

	root   schema.Schema
	source *mesh.Source
	// found are Problems of fields that do not make the object unusable, and unread the paths of fields that are not read.
	found  []mesh.Problem
	unread []string
}

func (f *fileParser) reading(typed metav1.Object, before int, ref mesh.Ref, row *object.KindRow) *reading {
	r := &reading{root: f.schemas.Of(reflect.TypeOf(typed)), source: &mesh.Source{File: f.path}}
	warn := func(key *yaml.Node, path, name, format string, args ...any) {
		r.found = append(r.found, f.problem(mesh.CodeInvalidValue, mesh.Warning, before+key.Line, ref, schema.Join(path, name), fmt.Sprintf(format, args...)))
	}
	r.Reader = schema.Reader{
		Nearest: nearest, Grants: row.Protects(), Defined: row.Optional,
		Unknown: func(key *yaml.Node, path, name string, s schema.Schema) {
			r.found = append(r.found, f.unknownField(before+key.Line, ref, row, r.root, path, name, s))
			r.unread = append(r.unread, schema.Join(path, name))
		},
		Replaced: func(key *yaml.Node, path, name string) {
			warn(key, path, name, "The merge key << replaces %s, because it comes later, as in kubectl. Write << first if that is not what you mean.", name)
		},
		KeyRead: func(key *yaml.Node, path, name string) {
			warn(key, path, name, "The key %s is not a string, and is read as %q, as by an API server. Write %q if that is what you mean.", key.Value, name, key.Value)
		},
	}
	if row.Traced {
		r.source.Fields = map[string]int{}
		r.Seen = func(path string, line int) {
			if len(r.source.Fields) < maxFields {
				r.source.Fields[path] = before + line
			}
		}
	}
	return r
}

// nearest returns the name that an author probably meant: one with few other letters, or the only one that has it as a part.
func nearest(name string, names []string) string {
	return cmp.Or(mesh.Nearest(name, names), mesh.Containing(name, names))
}

// validMetadata checks the parts of an object that all kinds have, as an API server does.
func (f *fileParser) validMetadata(o metav1.Object, n *yaml.Node, before int, ref mesh.Ref, row *object.KindRow) bool {
	managed := o.GetManagedFields()
	o.SetManagedFields(nil) // API servers do not reject wrong ones
	defer o.SetManagedFields(managed)
	all := apivalidation.ValidateObjectMetaAccessor(o, !row.ClusterScoped, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	for _, mistake := range all {
		f.fail(mesh.CodeInvalidValue, before+fieldLine(n, mistake.Field), ref, mistake.Field,
			"The object is not used, because an API server rejects it: "+mistake.ErrorBody()+". Correct the value.")
	}
	return len(all) == 0
}

// rejected reports why an API server rejects an object. What is valid of the object is used all the same: a folder is often
// all that there is, and then its calls go on. A field that the converter reported is not reported twice.
func (f *fileParser) rejected(o *object.Object, typed metav1.Object, n *yaml.Node, before int, ref mesh.Ref, row *object.KindRow) {
	if row.Rejections == nil {
		return
	}
	converted := len(o.Problems)
	for _, mistake := range row.Rejections(typed) {
		i := slices.IndexFunc(o.Problems[:converted], func(p mesh.Problem) bool { return p.Field == mistake.Field })
		if i >= 0 {
			o.Problems[i].Severity = mesh.Error
			continue
		}
		o.Problems = append(o.Problems, f.problem(mesh.CodeInvalidValue, mesh.Error, before+fieldLine(n, mistake.Field), ref, mistake.Field,
			"An API server rejects the object: "+mistake.ErrorBody()+". In a folder, the rest of it is used. Correct the value."))
	}
}

// unknownField is the Problem of a field that the API does not have.
func (f *fileParser) unknownField(line int, ref mesh.Ref, row *object.KindRow, root schema.Schema, path, name string, s schema.Schema) mesh.Problem {
	effect := "is ignored"
	if row.Protects() && !strings.HasPrefix(path, "metadata") {
		effect = "is not understood, so the part that contains it closes"
	}
	wayOut := "Remove it."
	meant := nearest(name, s.Fields())
	place, ok := schema.Place(root, path, name)
	misplaced := row.Misplaced[schema.ParentName(path)+"."+name]
	switch {
	case misplaced != "":
		wayOut = misplaced
	// One letter is a slip of the pen, also if the name exists elsewhere: "namespace" for "namespaces".
	case meant != "" && (!ok || mesh.Distance(strings.ToLower(name), strings.ToLower(meant)) <= 1):
		wayOut = fmt.Sprintf("Did you mean %q?", meant)
	case meant == "" && schema.OnlyLabels(s) != "":
		wayOut = fmt.Sprintf("Write it under %s.", schema.Join(path, schema.OnlyLabels(s)))
	case ok:
		wayOut = "Write it at the top of the object."
		if place != "" {
			wayOut = fmt.Sprintf("Write it under %s.", place)
		}
	}
	return f.problem(mesh.CodeUnknownField, mesh.Error, line, ref, schema.Join(path, name), fmt.Sprintf("Unknown field %q %s. %s", name, effect, wayOut))
}
