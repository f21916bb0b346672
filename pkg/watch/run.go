package watch

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// source runs a Feed and assembles what the Feed puts into its Inbox.
type source struct {
	feed    Feed
	options Options
	lister  lister
}

// NewSource returns a Source of what a Feed reads.
func NewSource(feed Feed, o Options) Source { return &source{feed, o.WithDefaults(), make(lister)} }

// Assemble returns the World of objects that are read once.
func Assemble(o Options, c Changes) *mesh.World {
	a := assemble.New(o.WithDefaults().assembler())
	a.Apply(c.Objects, c.Problems)
	return a.World()
}

// Run implements Source.
func (s *source) Run(ctx context.Context, out Worlds) error {
	group, ctx := errgroup.WithContext(ctx)
	a := &assembling{
		options: s.options, inbox: NewInbox(), out: out, assembler: assemble.New(s.options.assembler()), checkpoints: newCheckpointer(s.options), lister: s.lister,
	}
	if joined, ok := s.feed.(*Joined); ok {
		joined.release = a.inbox.hold()
	}
	group.Go(func() error { return s.feed.Run(ctx, a.inbox) })
	if s.options.Names != nil {
		group.Go(func() error { return s.options.Names.Run(ctx, a.inbox) })
	}
	if s.options.Decisions != nil {
		group.Go(func() error { return s.options.Decisions.Run(ctx, a.inbox) })
	}
	group.Go(func() error { a.checkpoints.run(); return nil })
	group.Go(func() error { a.run(ctx); return nil })
	return group.Wait()
}

// assembling is one Run of a source: the state of the goroutine that builds Worlds.
type assembling struct {
	options     Options
	inbox       *Inbox
	out         Worlds
	assembler   *assemble.Assembler
	checkpoints *checkpointer
	lister      lister
	// restored are the keys of stored objects that are served because the source was not read yet.
	restored []object.Key
	// names are the stored addresses of names; nil if the stored state was not read.
	names map[object.Key]*object.Object
}

// run sends a World of stored objects if the source cannot be read in time, and the Worlds of the source once it is
// complete. It returns when ctx ends.
func (a *assembling) run(ctx context.Context) {
	defer a.checkpoints.finish(a.assembler.ListObjects)
	a.restore(ctx)
	if !a.awaitSource(ctx) {
		return
	}
	changes, arrived := a.inbox.Take()
	a.assemble(ctx, changes, arrived)
}

// awaitSource waits until the source was read. It returns false if ctx ends before that. Meanwhile changes of remote clusters
// are applied to what was stored of the own one.
func (a *assembling) awaitSource(ctx context.Context) bool {
	pending := a.inbox.Pending()
	if len(a.restored) == 0 {
		pending = nil
	}
	for {
		select {
		case <-a.inbox.Completed():
			return true
		case <-pending:
			changes := a.inbox.TakeRemote()
			a.assembler.Apply(changes.Objects, changes.Problems)
			a.out.Put(a.assembler.World())
		case <-ctx.Done():
			return false
		}
	}
}

// completed waits until the source was read. It returns false if ctx ends or expired has a value before that.
func (a *assembling) completed(ctx context.Context, expired <-chan time.Time) bool {
	select {
	case <-a.inbox.Completed():
		return true
	case <-expired:
	case <-ctx.Done():
	}
	return false
}

// assemble builds a World of changes, and of the changes that follow. A change after a pause is assembled at once.
// Changes that arrive while a World is built, or within MinInterval of it, go into the next World together.
func (a *assembling) assemble(ctx context.Context, changes Changes, arrived time.Time) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	due := newTimer()
	defer due.stop()
	for last := (*mesh.World)(nil); ; changes, arrived = a.inbox.Take() {
		a.supersede(&changes)
		a.assembler.Apply(changes.Objects, changes.Problems)
		a.recallRollouts()
		world := a.assembler.World()
		if a.want() && last == nil {
			world = a.firstAnswers(ctx)
		}
		if world != last {
			world.Arrived = arrived
			a.out.Put(world)
			a.checkpoints.changed()
			last = world
		}
		pause.Reset(a.options.MinInterval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-a.inbox.Pending():
		case answer := <-a.lister:
			answer <- a.assembler.ListOthers()
		case <-a.checkpoints.due():
			a.checkpoints.hand(a.assembler.ListObjects)
		case <-due.after(a.assembler.Due(time.Now())):
		case <-ctx.Done():
			return
		}
	}
}

// firstAnswersWait is how long the first World waits for the addresses of names.
const firstAnswersWait = 3 * time.Second

// want tells which names must be resolved, if that changed.
func (a *assembling) want() bool {
	if a.options.Names == nil {
		return false
	}
	names, moved := a.assembler.WantedNames()
	if moved {
		a.options.Names.Want(names)
	}
	return moved
}

// firstAnswers waits for the addresses of names, so that the first World does not tell clients that there are none.
func (a *assembling) firstAnswers(ctx context.Context) *mesh.World {
	expired := time.NewTimer(firstAnswersWait)
	defer expired.Stop()
	select {
	case <-a.options.Names.Settled():
	case <-expired.C:
	case <-ctx.Done():
	}
	changes, _ := a.inbox.Take()
	a.supersede(&changes)
	a.assembler.Apply(changes.Objects, changes.Problems)
	a.recallNames()
	return a.assembler.World()
}

// timer is a timer for something that may or may not be due.
type timer struct{ timer *time.Timer }

func newTimer() *timer {
	stopped := time.NewTimer(0)
	stopped.Stop()
	return &timer{stopped}
}

// after returns a channel that has a value after d, or nil if nothing is due. It replaces the previous setting.
func (a *timer) after(d time.Duration, due bool) <-chan time.Time {
	if !due {
		a.timer.Stop()
		return nil
	}
	a.timer.Reset(d)
	return a.timer.C
}

func (a *timer) stop() { a.timer.Stop() }
