package watch

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	// settle lets a burst of events, such as a file being truncated and written, end before the folder is looked at.
	settle = 5 * time.Millisecond
	// doubt is how long a loss of objects must last to be believed: some editors remove a file before they write it again.
	doubt = 40 * time.Millisecond
	// patrol is how often the folder is looked at without an event, for file systems that send none.
	patrol = 10 * time.Second
)

// File is a Source over a folder of YAML, looked at again whenever something in it changes. Files are read below folders of
// any depth and through links; hidden ones are not.
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
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	r := &fileRun{
		File: f, root: dir, watcher: watcher, out: out, parser: newParser(f.options), holder: newHolder(f.options),
		kept: newAlarm(),
	}
	err = r.loop(ctx)
	if closeErr := watcher.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("watch %s: %w", f.dir, closeErr)
	}
	return err
}

// fileRun is one Run of a File.
type fileRun struct {
	*File
	root    string
	watcher *fsnotify.Watcher
	out     Worlds
	parser  *parser
	holder  *holder
	// dirs are the folders read, by their real names.
	dirs map[string]struct{}
	// last is the World sent last, and sent when.
	last *mesh.World
	sent time.Time
	// losses are those found by the last look and not yet believed, and missed is since when they are the same.
	losses string
	missed time.Time
	// frozen says that the folder could not be read the last time.
	frozen bool
	// kept wakes when endpoints are kept no longer that a Service lost.
	kept *alarm
}

func (r *fileRun) loop(ctx context.Context) error {
	look, err := r.look()
	if err != nil {
		return fmt.Errorf("watch %s: %w", r.dir, err)
	}
	r.holder.take(look)
	r.publish()
	due := time.NewTimer(patrol)
	defer due.Stop()
	defer r.kept.stop()
	soon := false // an event has brought the timer forward
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-r.watcher.Events:
			if !ok {
				return fmt.Errorf("watch %s: %w", r.dir, fsnotify.ErrClosed)
			}
			if !soon && r.concerns(event.Name) {
				soon = true
				due.Reset(max(settle, r.options.MinInterval-time.Since(r.sent)))
			}
		case err := <-r.watcher.Errors:
			// Events were lost, or one folder cannot be watched: looking at everything makes up for both.
			r.options.Logger.Warn("file events lost", "dir", r.dir, "error", err)
			soon = true
			due.Reset(settle)
		case <-r.kept.after(r.holder.guard.next(time.Now())):
			r.publish()
		case <-due.C:
			soon = false
			due.Reset(r.refresh())
		}
	}
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

// refresh looks at the folder and sends a World if something changed. It returns when to look again at the latest.
func (r *fileRun) refresh() time.Duration {
	look, err := r.look()
	if err != nil {
		r.freeze(err)
		return patrol
	}
	if r.frozen {
		r.frozen = false
		r.options.Logger.Info("folder restored", "dir", r.dir)
	}
	if left := r.doubted(look); left > 0 {
		return left
	}
	r.holder.take(look)
	r.publish()
	return patrol
}

// doubted is how long the losses of a look must still last to be believed; zero when there are none, or no more doubt.
func (r *fileRun) doubted(look *folder) time.Duration {
	losses, now := r.holder.losses(look), time.Now()
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
	if r.frozen {
		return
	}
	r.frozen = true
	r.options.Logger.Warn("folder lost", "dir", r.dir, "error", err)
	_, problems := r.known().objects()
	r.holder.note(append(problems, unreadable(r.dir, err)))
	r.publish()
}

// known is a look at the folder that found all as it was.
func (r *fileRun) known() *folder {
	look := newFolder(r.parser, nil)
	look.files = r.holder.files
	return look
}

// look reads what changed in the folder, and sees to it that whatever was read is watched since before it was read.
func (r *fileRun) look() (*folder, error) {
	before := r.holder.files
	if err := r.watcher.Add(filepath.Dir(r.root)); err != nil {
		r.options.Logger.Debug("folder not watched", "dir", filepath.Dir(r.root), "error", err)
	}
	for {
		look := newFolder(r.parser, before)
		if err := look.walk(r.root, ""); err != nil {
			return nil, err
		}
		if !r.watch(look.dirs) {
			return look, nil
		}
		before = look.files
	}
}

// watch watches exactly these folders and the one around the root. It says whether any was not watched before.
func (r *fileRun) watch(dirs map[string]struct{}) bool {
	r.dirs = dirs
	watched := r.watcher.WatchList()
	for _, dir := range watched {
		if _, ok := dirs[dir]; !ok && dir != filepath.Dir(r.root) {
			// It may be gone already, and with it the watch.
			_ = r.watcher.Remove(dir)
		}
	}
	fresh := false
	for dir := range dirs {
		if err := r.watcher.Add(dir); err != nil {
			r.options.Logger.Warn("folder not watched", "dir", dir, "error", err)
			continue
		}
		fresh = fresh || !slices.Contains(watched, dir)
	}
	return fresh
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
