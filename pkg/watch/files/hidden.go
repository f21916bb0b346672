package files

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// maxHidden is how many files and folders of a hidden folder are looked at.
const maxHidden = 200

// versionControl are the folders of tools that keep copies of every file.
var versionControl = []string{".git", ".hg", ".svn", ".jj", ".bzr"}

// hidden reports a folder that is not read because its name begins with a dot, once, if it seems to contain objects.
// Not meant are the folders behind the links of a mounted ConfigMap, which begin with two dots.
func (f *scan) hidden(dir, rel string) {
	if name := filepath.Base(dir); strings.HasPrefix(name, "..") || slices.Contains(versionControl, name) {
		return
	}
	example := objectsBelow(dir)
	if example == "" {
		return
	}
	problems := []mesh.Problem{skipped(rel, "A folder whose name begins with a dot is not read. "+
		filepath.Base(example)+" in it seems to contain objects, which have no effect. Rename the folder, or name it on the command line. Nothing, if it belongs to a tool.")}
	state := f.before[rel]
	if state == nil || !slices.Equal(state.problems, problems) {
		state = &fileState{parsed: parsed{problems: problems}}
	}
	f.files[rel] = state
}

// objectsBelow returns a file below a folder that seems to contain objects; empty if there is none among the first.
// What cannot be read is passed over, because the author did not name the folder.
func objectsBelow(dir string) (example string) {
	looked := 0
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if looked++; looked > maxHidden {
			return fs.SkipAll
		}
		if err == nil && entry.Type().IsRegular() && isRead(path) && readsAsObjects(path) {
			example = path
			return fs.SkipAll
		}
		return nil
	})
	return example
}

// ofReadKind matches the kind of an object that would be read elsewhere. Tools keep objects of their own in hidden folders.
var ofReadKind = func() *regexp.Regexp {
	names := []string{"List"}
	for _, row := range object.Kinds {
		names = append(names, string(row.Kind), string(row.Kind)+"List")
	}
	return regexp.MustCompile(`\bkind["']?\s*:\s*["']?(` + strings.Join(names, "|") + `)\b`)
}()

func readsAsObjects(path string) bool {
	head, err := readFile(path, maxSkimmed)
	return err == nil && seemsObjects(path, head) && ofReadKind.Match(head)
}
