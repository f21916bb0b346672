package files

import (
	"bytes"
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
)

// skim looks at the start of a file that is not read, and reports it if it seems to contain objects.
func skim(name string, head []byte) []mesh.Problem {
	if !seemsObjects(name, head) {
		return nil
	}
	why := "Only files that end in .yaml, .yml or .json are read in a folder."
	if isObjectFile(name) {
		why = "A file whose name begins with a dot is not read in a folder."
	}
	return []mesh.Problem{{
		Code: mesh.CodeFileSkipped, Severity: mesh.Info, Object: mesh.Ref{Kind: kindFile, Name: name}, Source: name,
		Message: why + " This file seems to contain objects, which have no effect. Rename it.",
	}}
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
