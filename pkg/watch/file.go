package watch

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
)

// patrol is how often the whole folder is looked at without an event, for file systems that send none.
const patrol = 10 * time.Second

// File is a Source over a folder of YAML, looked at again whenever something in it changes: at a file that changed alone, unless the
// folder has links. Files are read below folders of any depth and through links; hidden ones are not.
type File struct {
	dir     string
	options Options
	// doubt is its constant, except in tests.
	doubt time.Duration
}

// NewFile makes the Source of a folder.
func NewFile(dir string, o Options) *File {
	return &File{dir: dir, options: o.withDefaults(), doubt: doubt}
}

// Run implements Source. It fails at once if the folder cannot be read; later that leaves the World standing.
func (f *File) Run(ctx context.Context, out Worlds) error {
	r, err := f.newRun(out)
	if err == nil {
		err = errors.Join(r.loop(ctx), r.watcher.Close())
	}
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	return nil
}

func (f *File) newRun(out Worlds) (*fileRun, error) {
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return nil, err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &fileRun{
		File: f, root: dir, watcher: watcher, out: out, parser: newParser(f.options), holder: newHolder(f.options),
		paths: map[string]struct{}{}, kept: newAlarm(),
	}, nil
}

// fileRun is one Run of a File.
type fileRun struct {
	*File
	root    string
	watcher *fsnotify.Watcher
	out     Worlds
	parser  *parser
	holder  *holder
	// dirs are the folders read, by their real names, and what they are called inside the folder.
	dirs map[string]string
	// plain says that a path alone can be looked at: the last walk, and when that was, met no links, nothing unreadable, and nothing that
	// cannot be watched.
	plain  bool
	walked time.Time
	// pending are the paths to look at, and paths those of the look at hand. They stay there while their losses are doubted.
	pending pending
	paths   map[string]struct{}
	// last is the World sent last, and sent when.
	last *mesh.World
	sent time.Time
	// losses are those found by the last look and not yet believed, and missed is since when they are the same.
	losses string
	missed time.Time
	// doubted is until when losses are not believed; zero when there are none.
	doubted time.Time
	// frozen says that the folder could not be read the last time.
	frozen bool
	// kept wakes when endpoints are kept no longer that a Service lost.
	kept *alarm
}

func (r *fileRun) loop(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	due := time.NewTimer(r.wait())
	defer due.Stop()
	defer r.kept.stop()
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
		case <-r.kept.after(r.holder.guard.next(time.Now())):
			r.publish()
		case <-due.C:
			r.refresh(time.Now())
		}
		due.Reset(r.wait())
	}
}

// begin reads the whole folder and sends the first World.
func (r *fileRun) begin() error {
	look, err := r.walk()
	if err != nil {
		return err
	}
	r.holder.take(r.holder.changes(look), look.problems)
	r.publish()
	return nil
}

// wait is how long nothing is to be looked at unless there is an event.
func (r *fileRun) wait() time.Duration {
	next := r.walked.Add(patrol)
	if len(r.pending.paths) > 0 {
		// Worlds keep a distance, so that the first of many changes is sent at once and all others together.
		next = earlier(next, later(r.pending.next, r.sent.Add(r.options.MinInterval)))
	}
	if !r.doubted.IsZero() {
		next = earlier(next, r.doubted)
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

// refresh looks at what is due and sends a World if something changed.
func (r *fileRun) refresh(now time.Time) {
	for _, path := range r.pending.take(now) {
		r.paths[path] = struct{}{}
	}
	late := now.Sub(r.walked) >= patrol
	if len(r.paths) == 0 && !late {
		return
	}
	look, err := r.look(late)
	r.doubted = time.Time{}
	if err != nil {
		r.freeze(err)
		return
	}
	if r.frozen {
		r.frozen = false
		r.options.Logger.Info("folder restored", "dir", r.dir)
	}
	changed := r.holder.changes(look)
	if left := r.disbelieve(changed); left > 0 {
		r.doubted = time.Now().Add(left)
		if look.whole {
			r.paths[r.root] = struct{}{}
		}
		return
	}
	clear(r.paths)
	r.holder.take(changed, look.problems)
	r.publish()
}

// disbelieve is how long the losses of a look must still last to be believed; not above zero when there are none, or no more doubt.
func (r *fileRun) disbelieve(changed map[string]*heldFile) time.Duration {
	losses, now := r.holder.losses(changed), time.Now()
	if losses != r.losses {
		r.losses, r.missed = losses, now
	}
	if losses == "" {
		return 0
	}
	return r.doubt - now.Sub(r.missed)
}

// freeze keeps everything as it is while the folder cannot be read.
func (r *fileRun) freeze(err error) {
	r.plain, r.walked = false, time.Now()
	clear(r.paths)
	if r.frozen {
		return
	}
	r.frozen = true
	r.options.Logger.Warn("folder lost", "dir", r.dir, "error", err)
	r.holder.note([]mesh.Problem{unreadable(r.dir, err)})
	r.publish()
}

// look reads what changed at the paths at hand, or in the whole folder where that cannot be told from them.
func (r *fileRun) look(whole bool) (*folder, error) {
	if whole || !r.plain {
		return r.walk()
	}
	look := newFolder(r.parser, r.holder.files)
	look.settling, look.dirs = r.pending.paths, r.dirs
	for path := range r.paths {
		if !look.again(path) {
			return r.walk()
		}
	}
	return look, nil
}

// walk reads what changed in the folder, and sees to it that whatever was read is watched since before it was read.
func (r *fileRun) walk() (*folder, error) {
	before := r.holder.files
	if err := r.watcher.Add(filepath.Dir(r.root)); err != nil {
		r.options.Logger.Debug("folder not watched", "dir", filepath.Dir(r.root), "error", err)
	}
	for {
		look := newFolder(r.parser, before)
		look.whole, look.settling = true, r.pending.paths
		if err := look.walk(r.root, ""); err != nil {
			return nil, err
		}
		fresh, all := r.watch(look.dirs)
		if !fresh {
			r.plain, r.walked = all && !look.linked && len(look.problems) == 0, time.Now()
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

// publish sends the World if it is another one.
func (r *fileRun) publish() {
	world := r.holder.world()
	if world == r.last {
		return
	}
	r.last, r.sent = world, time.Now()
	r.out.Put(world)
}
