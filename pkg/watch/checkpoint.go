package watch

import (
	"io"
	"time"
)

// Memory outlives the process: it keeps what a Source knew for one that starts while the cluster cannot be read.
type Memory interface {
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
	memory Memory
	header storedHeader
	// wanted has a value when a save may begin. batches takes one batch for each such value, and a last one at the end.
	wanted  chan struct{}
	batches chan []object
	// stale says that something changed since the last batch. The goroutine that assembles alone touches it.
	stale bool
}

func newCheckpointer(o Options) *checkpointer {
	if o.Memory == nil {
		return nil
	}
	return &checkpointer{memory: o.Memory, header: newStoredHeader(o), wanted: make(chan struct{}, 1), batches: make(chan []object, 1)}
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

func (s *checkpointer) save(batch []object) {
	header := s.header
	header.Saved = time.Now().UTC()
	s.memory.Save(func(w io.Writer) error { return writeStored(w, header, batch) })
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
func (s *checkpointer) hand(a *assembler) {
	s.stale = false
	s.batches <- a.listObjects()
}

// finish hands over what has changed since, and lets run end.
func (s *checkpointer) finish(a *assembler) {
	if s == nil {
		return
	}
	if s.stale {
		s.hand(a)
	}
	close(s.batches)
}
