package files

import (
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settleTime is how long a file that is written in place must be without events: one write causes several events.
	settleTime = 5 * time.Millisecond
	// deletionDelay is how long a deletion of objects must last to be believed, because some editors remove a file
	// before they write it. It is also the maximum wait for a file that is written continuously.
	deletionDelay = 40 * time.Millisecond
)

// pending are the paths that events named and that were not scanned yet.
type pending struct {
	paths map[string]delay
	// next is when the first of them may be scanned, or earlier.
	next time.Time
	// moved is the path that was last renamed.
	moved string
}

// delay is since when a path waits, and until when.
type delay struct{ since, until time.Time }

// note records an event. A file that was renamed within the watched folders was complete before, so it does not wait.
func (p *pending) note(event fsnotify.Event, now time.Time) {
	// An event with a former name has more fields than its name and operation.
	if event.Has(fsnotify.Create) && event != (fsnotify.Event{Name: event.Name, Op: event.Op}) {
		p.put(event.Name, delay{since: now, until: now})
		if w, ok := p.paths[p.moved]; ok {
			p.put(p.moved, delay{since: w.since, until: now})
		}
		return
	}
	if event.Has(fsnotify.Rename) {
		p.moved = event.Name
	}
	p.postpone(event.Name, now)
}

// postpone lets a path wait until it has settled.
func (p *pending) postpone(path string, now time.Time) {
	w, again := p.paths[path]
	if !again {
		w.since = now
	}
	w.until = now.Add(settleTime)
	if latest := w.since.Add(deletionDelay); latest.Before(w.until) {
		w.until = latest
	}
	p.put(path, w)
}

func (p *pending) put(path string, w delay) {
	if p.paths == nil {
		p.paths = map[string]delay{}
	}
	if len(p.paths) == 0 || w.until.Before(p.next) {
		p.next = w.until
	}
	p.paths[path] = w
}

// take removes the paths that no longer wait, and returns them.
func (p *pending) take(now time.Time) []string {
	var out []string
	p.next = time.Time{}
	for path, w := range p.paths {
		if !w.until.After(now) {
			out = append(out, path)
			delete(p.paths, path)
		} else if p.next.IsZero() || w.until.Before(p.next) {
			p.next = w.until
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
