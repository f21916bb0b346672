package kube

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPresence(t *testing.T) {
	const later = time.Second
	tests := map[string]struct {
		before func(*crdPresence)
		next   func(*crdPresence) // after a second
		want   time.Duration
	}{
		"found since then": {
			before: func(p *crdPresence) { p.note(false) },
		},
		"absent, looked for again and found": {
			before: func(p *crdPresence) { p.note(true) },
			next:   func(p *crdPresence) { p.note(false) },
			want:   later,
		},
		"absent, looked for again and still absent": {
			before: func(p *crdPresence) { p.note(true) },
			next:   func(p *crdPresence) { p.note(true) },
			want:   later,
		},
		"not looked for since then": {
			before: func(*crdPresence) {},
			want:   maxPresenceWait,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newCRDPresence()
				p.note(false)
				since := p.count()
				test.before(p)
				if test.next != nil {
					time.AfterFunc(later, func() { test.next(p) })
				}
				start := time.Now()
				p.await(t.Context(), since)
				if got := time.Since(start); got != test.want {
					t.Errorf("waited %v, want %v", got, test.want)
				}
			})
		})
	}
}
