package watch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// StateStore outlives the process: it keeps what a Source knew for one that starts while the cluster cannot be read.
type StateStore interface {
	// Save replaces what is kept by what write writes, as a whole or not at all. What goes wrong it reports by itself: there is
	// nothing that a Source could do about it.
	Save(write func(io.Writer) error)
	// Load has what is kept read. It fails if there is nothing whole, or if read does.
	Load(read func(io.Reader) error) error
}

// saveInterval is the least time from one save to the next. One that takes long is followed by a pause of savePause times as long.
const (
	saveInterval = 10 * time.Second
	savePause    = 20
)

// checkpointer hands objects to a Memory, in a goroutine of its own. A nil checkpointer saves nothing.
type checkpointer struct {
	store  StateStore
	header object.StateHeader
	// wanted has a value when a save may begin. batches takes one batch for each such value, and a last one at the end.
	wanted  chan struct{}
	batches chan []object.Object
	// stale says that something changed since the last batch. The goroutine that assembles alone touches it.
	stale bool
}

func newCheckpointer(o Options) *checkpointer {
	if o.StateStore == nil {
		return nil
	}
	return &checkpointer{store: o.StateStore, header: object.NewStateHeader(o.Cluster, o.Domain, o.Namespaces), wanted: make(chan struct{}, 1), batches: make(chan []object.Object, 1)}
}

// run saves until there are no more batches.
func (s *checkpointer) run() {
	if s == nil {
		return
	}
	s.wanted <- struct{}{}
	for batch := range s.batches {
		begin := time.Now()
		s.save(batch)
		pause := time.NewTimer(max(saveInterval, savePause*time.Since(begin)))
		select {
		case <-pause.C:
			s.wanted <- struct{}{}
		case last, ok := <-s.batches:
			// The process ends, which is no time for a pause.
			pause.Stop()
			if ok {
				s.save(last)
			}
			return
		}
	}
}

func (s *checkpointer) save(batch []object.Object) {
	header := s.header
	header.Saved = time.Now().UTC()
	s.store.Save(func(w io.Writer) error { return object.WriteState(w, header, batch) })
}

// changed notes that there is something to save.
func (s *checkpointer) changed() {
	if s != nil {
		s.stale = true
	}
}

// due has a value when what changed is to be handed over.
func (s *checkpointer) due() <-chan struct{} {
	if s == nil || !s.stale {
		return nil
	}
	return s.wanted
}

// hand gives the checkpointer what it asked for by due. Values are never changed, so that a list of them is a copy of all.
func (s *checkpointer) hand(a *assemble.Assembler) {
	s.stale = false
	s.batches <- a.ListObjects()
}

// finish hands over what has changed since, and lets run end.
func (s *checkpointer) finish(a *assemble.Assembler) {
	if s == nil {
		return
	}
	if s.stale {
		s.hand(a)
	}
	close(s.batches)
}

// restore waits for the source as long as MemoryWait. If it cannot be read by then, a World is made of what the Memory keeps and sent.
// It returns whose objects that World is made of; none when it was not needed, or there is nothing.
func (a *assembling) restore(ctx context.Context) []object.Key {
	if a.options.StateStore == nil {
		return nil
	}
	patience := time.NewTimer(a.options.StateWait)
	defer patience.Stop()
	if a.completed(ctx, patience.C) || ctx.Err() != nil {
		return nil
	}
	var objects map[object.Key]*object.Object
	var saved time.Time
	err := a.options.StateStore.Load(func(r io.Reader) (err error) {
		objects, saved, err = object.ReadState(r, object.NewStateHeader(a.options.Cluster, a.options.Domain, a.options.Namespaces))
		return err
	})
	if err != nil {
		a.options.Logger.Warn("cannot read the cluster yet; there is no stored state to serve", "error", err)
		return nil
	}
	a.assembler.Apply(objects, nil)
	a.assembler.Restored(saved, a.servesStored(saved))
	a.options.Logger.Warn("cannot read the cluster yet; serving the stored state", "saved", saved, "objects", len(objects))
	a.out.Put(a.assembler.World())
	return slices.Collect(maps.Keys(objects))
}

// supersede has the source's own objects take the place of those that were restored, in one step.
func (a *assembling) supersede(restored []object.Key, changes *Changes) {
	if len(restored) == 0 {
		return
	}
	for _, key := range restored {
		if _, ok := changes.Objects[key]; !ok {
			changes.Objects[key] = nil
		}
	}
	a.assembler.Restored(time.Time{})
	a.options.Logger.Info("read the cluster; the stored state is no longer served")
}

func (a *assembling) servesStored(saved time.Time) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeLastGood, Severity: mesh.Warning, Object: mesh.Ref{Kind: "Cluster", Name: a.options.Domain},
		Message: fmt.Sprintf("The API server could not be read at start. The state stored at %s is served. Make the API server reachable.",
			saved.Format(time.RFC3339)),
	}
}
