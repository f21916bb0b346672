package files

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// maxSkimmed is how much of a file that is not read is looked at.
const maxSkimmed = 16 << 10

// objectEndings are the endings of the files that are read in folders: those that kubectl reads.
var objectEndings = []string{".yaml", ".yml", ".json"}

// isObjectFile reports whether a name has one of the endings.
func isObjectFile(name string) bool { return slices.Contains(objectEndings, filepath.Ext(name)) }

// isRead reports whether a file of a folder is read.
func isRead(name string) bool {
	return isObjectFile(name) && !strings.HasPrefix(filepath.Base(name), ".")
}

var (
	// beginsAsObject matches a line with which an object, or a list of objects, begins.
	beginsAsObject = regexp.MustCompile(`^(-\s+)?["']?(apiVersion|kind|metadata|spec|items)["']?\s*:|^[{[]`)
	// namesObject matches the two fields that every object has.
	namesObject = []*regexp.Regexp{regexp.MustCompile(`\bapiVersion["']?\s*:`), regexp.MustCompile(`\bkind["']?\s*:`)}
	// endingInName matches names such as objects.yaml.tmpl, objects.yaml~ and OBJECTS.YAML.
	endingInName = regexp.MustCompile(`(?i)\.(ya?ml|json)([^a-z0-9]|$)`)
	// packedObjects matches a name of which objects are expected; JSON may be any data.
	packedObjects = regexp.MustCompile(`(?i)\.ya?ml$`)
)

// wayOut is what to do with a file whose name, or content, matches.
type wayOut struct{ name, content *regexp.Regexp }

var (
	isTemplateFile = wayOut{
		regexp.MustCompile(`(?i)\.(go)?(te?mpl|tpl|template|j2|jinja2?|erb|mustache|hbs|jsonnet|libsonnet|cue|dhall|pkl|in)$`), regexp.MustCompile(`\{\{|\{%|<%`),
	}
	isPacked = wayOut{name: regexp.MustCompile(`(?i)\.(gz|bz2|zst|xz|zip|br|lz4|7z)$`)}
	isCopy   = wayOut{name: regexp.MustCompile(`(?i)(~|[._-](bak|backup|orig|old|save|saved|copy|rej|sw[op]|tmp|dist|disabled?|off|example|sample)[0-9]*)$`)}
)

func (w wayOut) matches(name string, head []byte) bool {
	return w.name.MatchString(name) || w.content != nil && w.content.Match(head)
}

// skim looks at the start of a file that is not read, and reports it if it seems to contain objects.
func skim(name string, head []byte) []mesh.Problem {
	if !seemsObjects(unpack(name, head)) {
		return nil
	}
	message := "Only files that end in .yaml, .yml or .json are read in a folder. This file seems to contain objects, which have no effect. "
	switch {
	case isObjectFile(name):
		message = "A file whose name begins with a dot is not read in a folder. This file seems to contain objects, which have no effect. Rename it."
	case isPacked.matches(name, nil):
		message += "Unpack it."
	case isCopy.matches(name, nil):
		message += "Leave it, or move it out of the folder, if it is a copy. Otherwise rename it to end in .yaml."
	case isTemplateFile.matches(name, head):
		message += "Render it first if it is a template."
	default:
		message += "Rename it to end in .yaml."
	}
	return []mesh.Problem{skipped(name, message)}
}

func skipped(name, message string) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeFileSkipped, Severity: mesh.Info, Object: mesh.Ref{Kind: mesh.KindFile, Name: name}, Source: name, Message: message,
	}
}

// unpack returns the name and the start of what is packed in a file, or else its own.
func unpack(name string, head []byte) (string, []byte) {
	ending := isPacked.name.FindString(name)
	inner := strings.TrimSuffix(name, ending)
	var from io.Reader
	switch strings.ToLower(ending) {
	case "":
		return name, head
	case ".gz":
		unpacked, err := gzip.NewReader(bytes.NewReader(head))
		if err != nil {
			return name, nil
		}
		from = unpacked
	case ".bz2":
		from = bzip2.NewReader(bytes.NewReader(head))
	default:
		if !packedObjects.MatchString(inner) {
			return name, nil
		}
		return inner, []byte("apiVersion: unknown\nkind: unknown\n") // only its name can be read
	}
	// The end is missing if the file is longer than what is looked at.
	text, _ := io.ReadAll(io.LimitReader(from, maxSkimmed))
	return inner, text
}

func seemsObjects(name string, head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for _, field := range namesObject {
		if !field.Match(head) {
			return false
		}
	}
	return endingInName.MatchString(filepath.Base(name)) || beginsAsObject.Match(firstContent(head))
}

// firstContent returns the first line that is not empty, a comment, a document marker, or an action of a template.
func firstContent(text []byte) []byte {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		skipped := len(line) == 0 || isMarker(line)
		for _, prefix := range []string{"#", "%", "//", "{{", "<%"} {
			skipped = skipped || bytes.HasPrefix(line, []byte(prefix))
		}
		if !skipped {
			return line
		}
	}
	return nil
}
