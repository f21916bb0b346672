package files

import (
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// racyAge is how old a file must be for its time to reveal a later change: file systems count time in ticks of some
// milliseconds.
const racyAge = 100 * time.Millisecond

var hashSeed = maphash.MakeSeed()

// fileState is a file as it was last read.
type fileState struct {
	info fs.FileInfo
	// read is when it was read. A file younger than racyAge at that time is read again even if it looks unchanged.
	read time.Time
	sum  uint64
	parsed
}

// unchanged reports whether the file is certainly as it was read.
func (h *fileState) unchanged(info fs.FileInfo) bool {
	return h != nil && h.info != nil && os.SameFile(h.info, info) && h.info.Size() == info.Size() &&
		h.info.ModTime().Equal(info.ModTime()) && h.read.Sub(info.ModTime()) > racyAge
}

// scan reads the files below a folder: all of them, or some paths that were scanned before.
type scan struct {
	parser *parser
	before map[string]*fileState
	// settling are the paths of files that are being written: their last state is kept.
	settling map[string]delay

	files map[string]*fileState
	// whole means that files are all files of the folder.
	whole bool
	// dirs maps the real names of folders to watch to their names inside the folder.
	dirs map[string]string
	// linked means that there are links, so that a path does not tell the name by which a file is read.
	linked   bool
	seen     map[string]struct{}
	problems []mesh.Problem
}

func newScan(p *parser, before map[string]*fileState) *scan {
	return &scan{
		parser: p, before: before,
		files: map[string]*fileState{}, dirs: map[string]string{}, seen: map[string]struct{}{},
	}
}

// again reads one path of a folder that was scanned before and had no links. It returns false if only a full scan can
// tell what happened: to anything that is, or was, not a file, and to the folder itself.
func (f *scan) again(path string) bool {
	rel, inside := f.dirs[filepath.Dir(path)]
	_, isDir := f.dirs[path]
	name := filepath.Join(rel, filepath.Base(path))
	if !inside || isDir || strings.HasPrefix(filepath.Base(path), ".") {
		return false
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// If it was read, the folder around it may be gone as well, and then its state is kept.
		return f.before[name] == nil
	case err != nil || !info.Mode().IsRegular():
		return false
	}
	return f.file(path, name, info, inFolder) == nil
}

// walk reads everything below dir, whose name inside the folder is rel. What cannot be read keeps its last state.
func (f *scan) walk(dir, rel string) error {
	target, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if _, again := f.seen[target]; again {
		return nil
	}
	f.seen[target] = struct{}{}
	entries, err := os.ReadDir(target)
	if err != nil {
		return err
	}
	f.dirs[target] = rel
	for _, entry := range entries {
		// Hidden are files of editors, and the folders behind the links of a mounted ConfigMap. A hidden file is only
		// looked at, because it could be meant to be read.
		if strings.HasPrefix(entry.Name(), ".") && (!entry.Type().IsRegular() || !isObjectFile(entry.Name())) {
			if entry.IsDir() {
				f.hidden(filepath.Join(target, entry.Name()), filepath.Join(rel, entry.Name()))
			}
			continue
		}
		f.entry(filepath.Join(target, entry.Name()), filepath.Join(rel, entry.Name()), entry.Type()&fs.ModeSymlink != 0)
	}
	return nil
}

func (f *scan) entry(path, rel string, link bool) {
	if link {
		f.linked = true
		target, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			f.dangling(path, rel)
		}
		if err != nil {
			f.unreadable(rel, err)
			return
		}
		path = target
		if _, walked := f.dirs[filepath.Dir(target)]; !walked {
			f.dirs[filepath.Dir(target)] = ""
		}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.unreadable(rel, err)
	case info.IsDir():
		if err := f.walk(path, rel); err != nil {
			f.unreadable(rel, err)
		}
	case info.Mode().IsRegular():
		if _, again := f.seen[path]; again {
			return
		}
		f.seen[path] = struct{}{}
		if err := f.file(path, rel, info, inFolder); err != nil && (isRead(rel) || !errors.Is(err, fs.ErrPermission)) {
			f.unreadable(rel, err)
		}
	case isRead(rel):
		f.unreadable(rel, errNoFile)
	}
}

// errNoFile is why a pipe, a socket or a device is not read.
var errNoFile = errors.New("it is neither a file nor a folder")

// selection is how a file was selected to be read.
type selection int

const (
	// inFolder: it is in a folder that is read. Only files with the endings of objects are read.
	inFolder selection = iota
	// byName: it was named itself. It is read whatever its ending.
	byName
)

// file reads one file, unless it is unchanged or being written.
func (f *scan) file(path, name string, info fs.FileInfo, how selection) error {
	old := f.before[name]
	if _, settling := f.settling[path]; settling || old.unchanged(info) {
		if old != nil {
			f.files[name] = old
		}
		return nil
	}
	now := time.Now()
	read := how == byName || isRead(name)
	limit := int64(maxFile)
	if !read {
		limit = maxSkimmed
	}
	data, err := readFile(path, limit)
	if err != nil {
		return err
	}
	sum := maphash.Bytes(hashSeed, data)
	if old != nil && old.info != nil && old.sum == sum {
		f.files[name] = &fileState{info: info, read: now, sum: sum, parsed: old.parsed}
		return nil
	}
	state := &fileState{info: info, read: now, sum: sum}
	switch {
	case !read:
		state.problems = skim(name, data)
	case old == nil:
		state.parsed = f.parser.parse(name, data, how)
	default:
		if state.parsed = f.parser.reparse(name, data, how, &old.parsed); state.incomplete {
			state.keep(old)
		}
	}
	f.files[name] = state
	return nil
}

// all yields the objects of the file in the order of its text; none if the file is nil.
func (h *fileState) all() iter.Seq[*object.Object] {
	if h == nil {
		return func(func(*object.Object) bool) {}
	}
	return slices.Values(h.objects)
}

// readFile reads one byte more than the limit, so that the parser sees that the file is too large.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	return data, errors.Join(err, file.Close())
}

// keep adds the objects that the file declared before and does not declare now, and puts them in place of those that
// cannot be read and close.
func (h *fileState) keep(old *fileState) {
	declared := map[object.Key]struct{}{}
	good := map[object.Kind]bool{}
	for _, o := range old.objects {
		good[o.Key.Kind] = good[o.Key.Kind] || !o.Closed
	}
	last := map[object.Key]*object.Object{}
	for _, o := range old.objects {
		last[o.Key] = o
	}
	h.objects = slices.DeleteFunc(slices.Clone(h.objects), func(o *object.Object) bool {
		before := last[o.Key]
		return o.Closed && (before != nil && !before.Closed || before == nil && good[o.Key.Kind] && unnamed(o))
	})
	for _, o := range h.objects {
		declared[o.Key] = struct{}{}
	}
	before := len(h.objects)
	for _, o := range old.objects {
		if _, ok := declared[o.Key]; !ok && !o.Closed {
			h.objects = append(h.objects, kept(o))
		}
	}
	if len(h.objects) == before {
		return
	}
	h.problems = slices.Clone(h.problems)
	for i := range h.problems {
		h.problems[i].Message = insteadOfUnused.Replace(h.problems[i].Message)
	}
}

// insteadOfUnused replaces what the Problems of a part that cannot be read say about it, if earlier objects are kept.
var insteadOfUnused = func() *strings.Replacer {
	var pairs []string
	for _, unused := range []string{"It is not used.", "It is not read.", "Those around it are not used.", "None of them is used.", "The part that contains it closes."} {
		pairs = append(pairs, unused, "The last good objects of the file stay in effect.")
	}
	return strings.NewReplacer(pairs...)
}()

// kept returns the object with the remark that it is from an earlier content of its file.
func kept(o *object.Object) *object.Object {
	if o.Source.Kept {
		return o
	}
	again, source := *o, *o.Source
	source.Kept = true
	again.Source = &source
	return &again
}
