package watch

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
)

// source is the Source of one Feed: it runs the Feed and assembles what that puts into the Inbox.
type source struct {
	feed    Feed
	options Options
}

// NewSource returns a Source of what a Feed reads.
func NewSource(feed Feed, o Options) Source { return &source{feed, o.WithDefaults()} }

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
		options: s.options, inbox: NewInbox(), out: out, assembler: assemble.New(s.options.assembler()), checkpoints: newCheckpointer(s.options),
	}
	group.Go(func() error { return s.feed.Run(ctx, a.inbox) })
	group.Go(func() error { a.checkpoints.run(); return nil })
	group.Go(func() error { a.run(ctx); return nil })
	return group.Wait()
}

// assembling is one Run of a source: the state of the goroutine that makes Worlds.
type assembling struct {
	options     Options
	inbox       *Inbox
	out         Worlds
	assembler   *assemble.Assembler
	checkpoints *checkpointer
}

// run sends a World of what was stored if the source cannot be read in time, and those of the source once it is complete. It returns when
// ctx ends.
func (a *assembling) run(ctx context.Context) {
	defer a.checkpoints.finish(a.assembler)
	restored := a.restore(ctx)
	if !a.completed(ctx, nil) {
		return
	}
	changes, arrived := a.inbox.Take()
	a.supersede(restored, &changes)
	a.assemble(ctx, changes, arrived)
}

// completed waits until the source was read. It returns false if ctx ends before, or expired has a value.
func (a *assembling) completed(ctx context.Context, expired <-chan time.Time) bool {
	select {
	case <-a.inbox.Completed():
		return true
	case <-expired:
	case <-ctx.Done():
	}
	return false
}

// assemble makes Worlds of changes, and of those that follow them. A change that comes after a pause is taken up at once; those that come while a
// World is made, or within MinInterval of it, go into the next one together.
func (a *assembling) assemble(ctx context.Context, changes Changes, arrived time.Time) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	due := newTimer()
	defer due.stop()
	for last := (*mesh.World)(nil); ; changes, arrived = a.inbox.Take() {
		a.assembler.Apply(changes.Objects, changes.Problems)
		if world := a.assembler.World(); world != last {
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
		case <-a.checkpoints.due():
			a.checkpoints.hand(a.assembler)
		case <-due.after(a.assembler.Due(time.Now())):
		case <-ctx.Done():
			return
		}
	}
}

// timer is a timer for something that may or may not be due.
type timer struct{ timer *time.Timer }

func newTimer() *timer {
	stopped := time.NewTimer(0)
	stopped.Stop()
	return &timer{stopped}
}

// after returns a channel that has a value once d is over, and nil when nothing is due. It replaces what was set before.
func (a *timer) after(d time.Duration, due bool) <-chan time.Time {
	if !due {
		a.timer.Stop()
		return nil
	}
	a.timer.Reset(d)
	return a.timer.C
}

func (a *timer) stop() { a.timer.Stop() }
