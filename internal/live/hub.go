package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Path is the path of the events.
const Path = "/api/events"

const (
	// MaxViewers bounds the browsers that are told at the same time.
	MaxViewers = 256
	// stateInterval is how often viewers are told about changes at most, and edgesInterval how often about edges.
	stateInterval = 500 * time.Millisecond
	edgesInterval = 2 * time.Second
	// problemsInterval is how often Problems are counted at most, while clients answer: that takes a look at every client.
	problemsInterval = 2 * time.Second
	// slack is how much earlier than an interval a look is in time: a ticker is not exact.
	slack = 50 * time.Millisecond
	// heartbeat is the time without a change after which viewers get an event all the same.
	heartbeat = 15 * time.Second
)

// Store is what is looked at.
type Store interface {
	Current() *snapshot.Snapshot
	// StatusRevision changes when clients come, go or answer, and when a World is published.
	StatusRevision() uint64
	Problems() []mesh.Problem
	CountStreams() int
}

// Options of a Hub. All are required.
type Options struct {
	Store Store
	// Edges returns all edges.
	Edges func() []load.Edge
	// Draining is closed when the process starts to shut down.
	Draining <-chan struct{}
	Logger   *slog.Logger
}

// Hub tells viewers what changes. Run looks for changes while there are viewers.
type Hub struct {
	o Options
	// joined has a value if a viewer may not have been told anything yet.
	joined chan struct{}

	// mu protects the fields below.
	mu      sync.Mutex
	viewers map[*viewer]struct{}
	// places is the number of viewers whose requests run, also of those that are no longer told anything.
	places int

	// Run alone uses the fields below.
	state state
	edges edges
	// ids counts the events.
	ids uint64
}

// NewHub makes a Hub.
func NewHub(o Options) *Hub {
	return &Hub{o: o, joined: make(chan struct{}, 1), viewers: map[*viewer]struct{}{}}
}

// Run tells viewers what changes until ctx ends. While there are no viewers it does nothing.
func (h *Hub) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.joined:
			h.tell(ctx)
		}
	}
}

// tell tells viewers what changes until there are none.
func (h *Hub) tell(ctx context.Context) {
	ticker := time.NewTicker(stateInterval)
	defer ticker.Stop()
	for h.look(time.Now()) {
		select {
		case <-ctx.Done():
			return
		case <-h.joined:
		case <-ticker.C:
		}
	}
}

// look tells the viewers what has changed, and new viewers everything. It returns false if there are no viewers.
func (h *Hub) look(now time.Time) bool {
	all, fresh := h.present()
	if len(all) == 0 {
		return false
	}
	var frames []frame
	if f, ok := h.state.next(h.o, now); ok {
		frames = append(frames, f)
	}
	if f, ok := h.edges.next(h.o, now); ok {
		frames = append(frames, f)
	}
	for i := range frames {
		h.ids++
		frames[i].id = h.ids
	}
	for _, v := range all {
		for _, f := range frames {
			if !v.fresh {
				h.send(v, f)
			}
		}
	}
	if len(fresh) == 0 {
		return true
	}
	for _, f := range []frame{h.state.whole(now), h.edges.whole()} {
		f.id = h.ids
		for _, v := range fresh {
			h.send(v, f)
		}
	}
	for _, v := range fresh {
		v.fresh = false
	}
	return true
}

// present returns the viewers, and those that were not told anything yet.
func (h *Hub) present() (all, fresh []*viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		all = append(all, v)
		if v.fresh {
			fresh = append(fresh, v)
		}
	}
	return all, fresh
}

// send puts an event into the queue of a viewer. A viewer whose queue is full reads too slowly: its stream ends, and a
// browser that is alive connects again and is told everything.
func (h *Hub) send(v *viewer, f frame) {
	select {
	case v.frames <- f:
	default:
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.viewers[v]; ok {
			delete(h.viewers, v)
			close(v.frames)
			h.o.Logger.Debug("a viewer of the page reads too slowly; its stream ends", "peer", v.peer)
		}
	}
}

// join adds a viewer; nil if there are too many.
func (h *Hub) join(peer string) *viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.places >= MaxViewers {
		return nil
	}
	h.places++
	v := &viewer{peer: peer, frames: make(chan frame, queued), fresh: true}
	h.viewers[v] = struct{}{}
	select {
	case h.joined <- struct{}{}:
	default:
	}
	return v
}

// leave removes a viewer.
func (h *Hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places--
	delete(h.viewers, v)
}
