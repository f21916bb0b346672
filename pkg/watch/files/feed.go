package files

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// rescanInterval is how often the whole folder is looked at without an event, for file systems that send none.
const rescanInterval = 10 * time.Second

// Feed is the Feed of a folder of YAML, looked at again whenever something in it changes: at a file that changed alone, unless the
// folder has links. Files are read below folders of any depth and through links; hidden ones are not.
type Feed struct {
	dir     string
	options watch.Options
	// deletionDelay is its constant, except in tests.
	deletionDelay time.Duration
}

var _ watch.Feed = (*Feed)(nil)

// New returns the Feed of a folder.
func New(dir string, o watch.Options) *Feed {
	return &Feed{dir: dir, options: o.WithDefaults(), deletionDelay: deletionDelay}
}

// NewSource returns the Source of a folder of YAML.
func NewSource(dir string, o watch.Options) watch.Source { return watch.NewSource(New(dir, o), o) }

// Run implements watch.Feed. It fails at once if the folder cannot be read; later what was read stays.
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

// fileRun is one Run of a folderFeed.
type fileRun struct {
	*Feed
	root    string
	watcher *fsnotify.Watcher
	inbox   *watch.Inbox
	parser  *parser
	claims  *objectClaims
	// dirs are the folders read, by their real names, and what they are called inside the folder.
	dirs map[string]string
	// byPath says that a path alone can be looked at: the last walk, and when that was, met no links, nothing unreadable, and nothing that
	// cannot be watched.
	byPath  bool
	scanned time.Time
	// pending are the paths to look at, and paths those of the look at hand. They stay there while their losses are doubted.
	pending pending
	paths   map[string]struct{}
	// sent is when changes were put into the inbox last.
	sent time.Time
	// pendingDeletions are those found by the last look and not yet believed, and missed is since when they are the same.
	pendingDeletions string
	deletionsSince   time.Time
	// recheckAt is until when losses are not believed; zero when there are none.
	recheckAt time.Time
	// frozen says that the folder could not be read the last time.
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
			// Events were lost, or one folder cannot be watched: looking at everything makes up for both.
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
	look, err := r.walk()
	if err != nil {
		return err
	}
	r.put(r.claims.take(r.claims.changes(look), look.problems))
	r.inbox.Complete()
	return nil
}

// wait is how long nothing is to be looked at unless there is an event.
func (r *fileRun) wait() time.Duration {
	next := r.scanned.Add(rescanInterval)
	if len(r.pending.paths) > 0 {
		// Looks keep the distance of Worlds, so that the first of many changes is seen at once and all others together.
		next = earlier(next, later(r.pending.next, r.sent.Add(r.options.MinInterval)))
	}
	if !r.recheckAt.IsZero() {
		next = earlier(next, r.recheckAt)
	}
	return time.Until(next)
}

// concerns says whether an event may matter. Around the folder only the folder's own name does, and of hidden names only
// those of a mounted ConfigMap, which begin with two dots.
func (r *fileRun) concerns(path string) bool {
	if path == r.root {
		return true
	}
	name := filepath.Base(path)
	hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "..")
	_, inside := r.dirs[filepath.Dir(path)]
	return inside && !hidden
}

// refresh looks at what is due and hands on what changed.
func (r *fileRun) refresh(now time.Time) {
	for _, path := range r.pending.take(now) {
		r.paths[path] = struct{}{}
	}
	late := now.Sub(r.scanned) >= rescanInterval
	if len(r.paths) == 0 && !late {
		return
	}
	look, err := r.scan(late)
	r.recheckAt = time.Time{}
	if err != nil {
		r.freeze(err)
		return
	}
	if r.frozen {
		r.frozen = false
		r.options.Logger.Info("folder restored", "dir", r.dir)
	}
	changed := r.claims.changes(look)
	if left := r.deletionWait(changed); left > 0 {
		r.recheckAt = time.Now().Add(left)
		if look.whole {
			r.paths[r.root] = struct{}{}
		}
		return
	}
	clear(r.paths)
	r.put(r.claims.take(changed, look.problems))
}

// deletionWait is how long the losses of a look must still last to be believed; not above zero when there are none, or no more doubt.
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

// scan reads what changed at the paths at hand, or in the whole folder where that cannot be told from them.
func (r *fileRun) scan(whole bool) (*scan, error) {
	if whole || !r.byPath {
		return r.walk()
	}
	look := newScan(r.parser, r.claims.files)
	look.settling, look.dirs = r.pending.paths, r.dirs
	for path := range r.paths {
		if !look.again(path) {
			return r.walk()
		}
	}
	return look, nil
}

// walk reads what changed in the folder, and sees to it that whatever was read is watched since before it was read.
func (r *fileRun) walk() (*scan, error) {
	before := r.claims.files
	if err := r.watcher.Add(filepath.Dir(r.root)); err != nil {
		r.options.Logger.Debug("folder not watched", "dir", filepath.Dir(r.root), "error", err)
	}
	for {
		look := newScan(r.parser, before)
		look.whole, look.settling = true, r.pending.paths
		if err := look.walk(r.root, ""); err != nil {
			return nil, err
		}
		fresh, all := r.watch(look.dirs)
		if !fresh {
			r.byPath, r.scanned = all && !look.linked && len(look.problems) == 0, time.Now()
			return look, nil
		}
		before = look.files
	}
}

// watch watches exactly these folders and the one around the root. It says whether any was not watched before, and whether all are now.
func (r *fileRun) watch(dirs map[string]string) (fresh, all bool) {
	r.dirs = dirs
	watched := r.watcher.WatchList()
	for _, dir := range watched {
		if _, ok := dirs[dir]; !ok && dir != filepath.Dir(r.root) {
			// It may be gone already, and with it the watch.
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

// put hands on what changed.
func (r *fileRun) put(c watch.Changes) {
	if !c.Empty() {
		r.sent = time.Now()
		r.inbox.Put(c)
	}
}
