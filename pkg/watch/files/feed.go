package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// rescanInterval is how often the whole folder is scanned without an event, for file systems that send none.
const rescanInterval = 10 * time.Second

// Feed reads a folder of YAML, and reads it again whenever something in it changes: only the file that changed, unless
// the folder has links. It reads folders of any depth and follows links; it skips hidden files.
type Feed struct {
	dir     string
	options watch.Options
	// deletionDelay is the constant of that name, except in tests.
	deletionDelay time.Duration
}

var _ watch.Feed = (*Feed)(nil)

// New returns the Feed of a folder.
func New(dir string, o watch.Options) *Feed {
	return &Feed{dir: dir, options: o.WithDefaults(), deletionDelay: deletionDelay}
}

// NewSource returns the Source of a folder of YAML.
func NewSource(dir string, o watch.Options) watch.Source { return watch.NewSource(New(dir, o), o) }

// Run implements watch.Feed. It fails at once if the folder cannot be read. If that happens later, what was read stays.
func (f *Feed) Run(ctx context.Context, inbox *watch.Inbox) error {
	r, err := f.newRun(inbox)
	if err == nil {
		err = errors.Join(r.loop(ctx), r.watcher.Close())
	}
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	return nil
}

func (f *Feed) newRun(inbox *watch.Inbox) (*fileRun, error) {
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return nil, err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &fileRun{
		Feed: f, root: dir, watcher: watcher, inbox: inbox, parser: newParser(f.options), claims: newObjectClaims(),
		paths: map[string]struct{}{},
	}, nil
}

// fileRun is one Run of a Feed.
type fileRun struct {
	*Feed
	root    string
	watcher *fsnotify.Watcher
	inbox   *watch.Inbox
	parser  *parser
	claims  *objectClaims
	// dirs maps the real names of the folders that were read to their names inside the folder.
	dirs map[string]string
	// byPath means that single paths can be scanned: the last full scan found no links, nothing unreadable, and nothing
	// that cannot be watched. scanned is when that was.
	byPath  bool
	scanned time.Time
	// pending are the paths that wait to be scanned, and paths the paths of the current scan. They remain there while
	// their deletions are not believed.
	pending pending
	paths   map[string]struct{}
	// sent is when changes were put into the inbox last.
	sent time.Time
	// pendingDeletions are the deletions of the last scan that are not believed yet, and deletionsSince is since when
	// they are the same.
	pendingDeletions string
	deletionsSince   time.Time
	// recheckAt is when pending deletions are checked again; zero if there are none.
	recheckAt time.Time
	// unreadable are the files and folders that could not be read the last time.
	unreadable map[string]struct{}
	// problems are those of the folder itself, as the last scan of all of it found them.
	problems []mesh.Problem
	// frozen means that the folder could not be read the last time.
	frozen bool
}

func (r *fileRun) loop(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	due := time.NewTimer(r.wait())
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-r.watcher.Events:
			if !ok {
				return fsnotify.ErrClosed
			}
			if r.concerns(event.Name) {
				r.pending.note(event, time.Now())
			}
		case err := <-r.watcher.Errors:
			// Events were lost, or a folder cannot be watched: a full scan makes up for both.
			r.options.Logger.Warn("file events lost", "dir", r.dir, "error", err)
			r.pending.postpone(r.root, time.Now())
		case <-due.C:
			r.refresh(time.Now())
		}
		due.Reset(r.wait())
	}
}

// begin reads the whole folder.
func (r *fileRun) begin() error {
	current, err := r.walk()
	if err != nil {
		return err
	}
	r.put(r.claims.take(r.claims.changes(current), current.problems))
	r.problems = current.problems
	r.logUnreadable(r.problems)
	r.logEmpty()
	r.inbox.Complete()
	return nil
}

// logEmpty logs that the folder has no objects, or none in a namespace that is read: usually a name is misspelled.
func (r *fileRun) logEmpty() {
	empty, found := slices.Clone(r.options.Namespaces), maps.Clone(r.parser.leftOut)
	for key := range r.claims.claims {
		empty = slices.DeleteFunc(empty, func(n string) bool { return n == key.Namespace })
		if key.Namespace != "" {
			found[key.Namespace] = struct{}{}
		}
	}
	switch {
	case len(r.claims.claims)+len(found) == 0:
		r.options.Logger.Warn("the folder has no objects", "dir", r.dir)
	case len(empty) > 0:
		r.options.Logger.Warn("the folder has no objects in these namespaces", "dir", r.dir, "namespaces", strings.Join(empty, ","),
			"found_namespaces", strings.Join(slices.Sorted(maps.Keys(found)), ","))
	}
}

// wait returns the time until the next scan without a further event.
func (r *fileRun) wait() time.Duration {
	next := r.scanned.Add(rescanInterval)
	if len(r.pending.paths) > 0 {
		// Scans keep the interval of Worlds, so that the first of many changes is read at once and the others together.
		next = earlier(next, later(r.pending.next, r.sent.Add(r.options.MinInterval)))
	}
	if !r.recheckAt.IsZero() {
		next = earlier(next, r.recheckAt)
	}
	return time.Until(next)
}

// concerns reports whether an event may matter. Around the folder only the folder's own name matters. Of hidden names
// only those of a mounted ConfigMap matter, which begin with two dots.
func (r *fileRun) concerns(path string) bool {
	if path == r.root {
		return true
	}
	name := filepath.Base(path)
	hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "..")
	_, inside := r.dirs[filepath.Dir(path)]
	return inside && !hidden
}

// refresh scans what is due and passes on what changed.
func (r *fileRun) refresh(now time.Time) {
	for _, path := range r.pending.take(now) {
		r.paths[path] = struct{}{}
	}
	late := now.Sub(r.scanned) >= rescanInterval
	if len(r.paths) == 0 && !late {
		return
	}
	current, err := r.scan(late)
	r.recheckAt = time.Time{}
	if err != nil {
		r.freeze(err)
		return
	}
	if r.frozen {
		r.frozen = false
		r.options.Logger.Info("folder restored", "dir", r.dir)
	}
	changed := r.claims.changes(current)
	if left := r.deletionWait(changed); left > 0 {
		r.recheckAt = time.Now().Add(left)
		if current.whole {
			r.paths[r.root] = struct{}{}
		}
		return
	}
	clear(r.paths)
	r.put(r.claims.take(changed, current.problems))
	if current.whole {
		r.problems = current.problems
	}
	r.logUnreadable(r.problems)
}

// deletionWait returns how long the deletions of a scan must still last to be believed; not positive if there are none,
// or if they are believed.
func (r *fileRun) deletionWait(changed map[string]*fileState) time.Duration {
	losses, now := r.claims.deletions(changed), time.Now()
	if losses != r.pendingDeletions {
		r.pendingDeletions, r.deletionsSince = losses, now
	}
	if losses == "" {
		return 0
	}
	return r.deletionDelay - now.Sub(r.deletionsSince)
}

// freeze keeps everything as it is while the folder cannot be read.
func (r *fileRun) freeze(err error) {
	r.byPath, r.scanned = false, time.Now()
	clear(r.paths)
	if r.frozen {
		return
	}
	r.frozen = true
	r.options.Logger.Warn("folder lost", "dir", r.dir, "error", err)
	r.put(r.claims.take(nil, []mesh.Problem{unreadable(r.dir, err)}))
}

// scan reads what changed at the current paths, or in the whole folder if the paths are not enough.
func (r *fileRun) scan(whole bool) (*scan, error) {
	if whole || !r.byPath {
		return r.walk()
	}
	current := newScan(r.parser, r.claims.files)
	current.settling, current.dirs = r.pending.paths, r.dirs
	for path := range r.paths {
		if !current.again(path) {
			return r.walk()
		}
	}
	return current, nil
}

// walk reads what changed in the whole folder. It makes sure that every folder was watched before it was read.
func (r *fileRun) walk() (*scan, error) {
	before := r.claims.files
	if err := r.watcher.Add(filepath.Dir(r.root)); err != nil {
		r.options.Logger.Debug("folder not watched", "dir", filepath.Dir(r.root), "error", err)
	}
	for {
		current := newScan(r.parser, before)
		current.whole, current.settling = true, r.pending.paths
		if err := current.walk(r.root, ""); err != nil {
			return nil, err
		}
		fresh, all := r.watch(current.dirs)
		if !fresh {
			r.byPath, r.scanned = all && !current.linked && len(current.problems) == 0, time.Now()
			return current, nil
		}
		before = current.files
	}
}

// watch watches exactly these folders and the one around the root. It returns whether any was not watched before, and
// whether all are watched now.
func (r *fileRun) watch(dirs map[string]string) (fresh, all bool) {
	r.dirs = dirs
	watched := r.watcher.WatchList()
	for _, dir := range watched {
		if _, ok := dirs[dir]; !ok && dir != filepath.Dir(r.root) {
			// It may be gone already, and the watch with it.
			_ = r.watcher.Remove(dir)
		}
	}
	all = true
	for dir := range dirs {
		if err := r.watcher.Add(dir); err != nil {
			r.options.Logger.Warn("folder not watched", "dir", dir, "error", err)
			all = false
			continue
		}
		fresh = fresh || !slices.Contains(watched, dir)
	}
	return fresh, all
}

// put passes on what changed.
func (r *fileRun) put(c watch.Changes) {
	if !c.Empty() {
		r.sent = time.Now()
		r.inbox.Put(c)
	}
}
