package main

import "sync/atomic"

// counters count what all streams together received. Wasted are resources that the stream already had.
type counters struct {
	responses, resources, bytes       atomic.Int64
	wasted, wastedBytes               atomic.Int64
	byKind                            [kindCount]atomic.Int64
	refused, ended, invalid, reopened atomic.Int64
}

// tally is the values of the counters at one moment, or the difference between two moments.
type tally struct {
	responses, resources, bytes       int64
	wasted, wastedBytes               int64
	byKind                            [kindCount]int64
	refused, ended, invalid, reopened int64
}

func (c *counters) now() tally {
	t := tally{
		responses: c.responses.Load(), resources: c.resources.Load(), bytes: c.bytes.Load(),
		wasted: c.wasted.Load(), wastedBytes: c.wastedBytes.Load(),
		refused: c.refused.Load(), ended: c.ended.Load(), invalid: c.invalid.Load(), reopened: c.reopened.Load(),
	}
	for k := range t.byKind {
		t.byKind[k] = c.byKind[k].Load()
	}
	return t
}

func (t tally) since(earlier tally) tally {
	d := tally{
		responses: t.responses - earlier.responses, resources: t.resources - earlier.resources, bytes: t.bytes - earlier.bytes,
		wasted: t.wasted - earlier.wasted, wastedBytes: t.wastedBytes - earlier.wastedBytes,
		refused: t.refused - earlier.refused, ended: t.ended - earlier.ended, invalid: t.invalid - earlier.invalid,
		reopened: t.reopened - earlier.reopened,
	}
	for k := range d.byKind {
		d.byKind[k] = t.byKind[k] - earlier.byKind[k]
	}
	return d
}

// count adds a response, in which some resources are unchanged.
func (c *counters) count(k kind, r *response, unchanged, unchangedBytes int) {
	c.responses.Add(1)
	c.byKind[k].Add(1)
	c.resources.Add(int64(len(r.resources)))
	c.bytes.Add(int64(r.size))
	c.wastedBytes.Add(int64(unchangedBytes))
	if unchanged == len(r.resources) {
		c.wasted.Add(1)
	}
}
