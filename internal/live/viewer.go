package live

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// queued is how many events wait for one viewer at most.
	queued = 16
	// writeTimeout is how long a browser has to take one event.
	writeTimeout = 10 * time.Second
	// renewal is how long a stream lasts. Then the browser connects again, which its session must allow.
	renewal = 15 * time.Minute
	// retryMilliseconds is after how long browsers connect again.
	retryMilliseconds = 2000
)

// viewer is one browser. Run alone uses fresh.
type viewer struct {
	peer string
	// frames are the events that wait for it. The channel is closed if the viewer reads too slowly.
	frames chan frame
	// fresh is set until the viewer has been told everything.
	fresh bool
}

// frame is one encoded event. All viewers share its data, also while it is written.
type frame struct {
	event string
	id    uint64
	data  []byte
}

// ServeHTTP tells one browser what changes, until it leaves, reads too slowly, or the process shuts down.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := h.join(r.RemoteAddr)
	if v == nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d viewers follow this replica already, which is the most that it tells about changes: close some, or look at another replica", MaxViewers), http.StatusServiceUnavailable)
		return
	}
	defer h.leave(v)
	out := http.NewResponseController(w)
	write := func(parts ...[]byte) bool {
		if out.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
			return false
		}
		for _, part := range parts {
			if _, err := w.Write(part); err != nil {
				return false
			}
		}
		// Between two events there is no deadline: HTTP/2 ends a stream whose deadline passes.
		return out.Flush() == nil && out.SetWriteDeadline(time.Time{}) == nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // some proxies collect an answer before they pass it on
	if !write(fmt.Appendf(nil, "retry: %d\n\n", retryMilliseconds)) {
		return
	}
	renew := time.NewTimer(renewal)
	defer renew.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-h.o.Draining:
			write([]byte("event: ending\ndata: {\"why\":\"shutdown\"}\n\n"))
			return
		case <-renew.C:
			write([]byte("event: ending\ndata: {\"why\":\"renewal\"}\n\n"))
			return
		case f, ok := <-v.frames:
			if !ok || !write(fmt.Appendf(nil, "event: %s\nid: %d\ndata: ", f.event, f.id), f.data, []byte("\n\n")) {
				return
			}
		}
	}
}
