package files

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// unreadable keeps the last state of a name, be it a file or a folder. A name that is gone is not unreadable.
func (f *scan) unreadable(name string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	p := unreadable(name, err)
	if !f.keepLast(name) {
		p.Message = fmt.Sprintf("It cannot be read: %v. It was not read before either, so nothing in it is in effect. Make it readable.", err)
	}
	f.problems = append(f.problems, p)
}

// keepLast keeps the last state of a name. It returns false if there is none.
func (f *scan) keepLast(name string) (kept bool) {
	for path, state := range f.before {
		if path == name || strings.HasPrefix(path, name+string(filepath.Separator)) {
			f.files[path], kept = state, true
		}
	}
	return kept
}

func unreadable(name string, err error) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeUnreadable, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindFile, Name: name}, Source: name,
		Message: fmt.Sprintf("It cannot be read: %v. Its last state stays in effect. Make it readable.", err),
	}
}

// dangling keeps the last state of a link to a file or folder that does not exist. An author who removes objects removes
// the link, and what protects servers must not be lost by mistake.
func (f *scan) dangling(path, name string) {
	message := "It is a link to something that does not exist. It is not read. Correct the link."
	switch {
	case f.keepLast(name):
		message = "It is a link to something that does not exist. Its last state stays in effect. Correct the link, or remove it."
	case !isRead(name) && !mayBeFolder(path):
		return
	}
	f.problems = append(f.problems, mesh.Problem{
		Code: mesh.CodeUnreadable, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindFile, Name: name}, Source: name, Message: message,
	})
}

// mayBeFolder reports whether a link to nothing may have been to a folder of objects: neither name has an ending.
func mayBeFolder(link string) bool {
	target, err := os.Readlink(link)
	return filepath.Ext(link) == "" && (err != nil || filepath.Ext(target) == "")
}

// logUnreadable logs the files and folders that cannot be read, and the files with a part that cannot be parsed, each once
// until it can be read again: it may be that no operator looks at the Problems of what used to be objects.
func (r *fileRun) logUnreadable(problems []mesh.Problem) {
	for _, name := range slices.Sorted(maps.Keys(r.claims.files)) {
		if i := slices.IndexFunc(r.claims.files[name].problems, func(p mesh.Problem) bool { return p.Code == mesh.CodeUnreadable }); i >= 0 {
			problems = append(slices.Clip(problems), r.claims.files[name].problems[i])
		}
	}
	unreadable := map[string]struct{}{}
	for _, p := range problems {
		unreadable[p.Object.Name] = struct{}{}
		if _, known := r.unreadable[p.Object.Name]; !known {
			r.options.Logger.Warn("file cannot be read", "dir", r.dir, "file", cmp.Or(p.Source, p.Object.Name), "problem", p.Message)
		}
	}
	for name := range r.unreadable {
		if _, still := unreadable[name]; !still {
			r.options.Logger.Info("file can be read again", "dir", r.dir, "file", name)
		}
	}
	r.unreadable = unreadable
}
