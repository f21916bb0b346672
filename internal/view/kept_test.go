package view

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestKept: a value is used again until something changes, made again for the first request after that, and a costly one
// not more often than its cost allows.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k kept[int]
		revision, made := uint64(0), 0
		get := func(ctx context.Context) int {
			return *k.get(ctx, func() uint64 { return revision }, func() *int {
				made++
				<-time.After(100 * time.Millisecond)
				value := int(revision)
				return &value
			})
		}
		begin := time.Now()
		for range 10 {
			if got := get(t.Context()); got != 0 || made != 1 {
				t.Fatalf("got %d, made %d times", got, made)
			}
		}
		revision = 7
		if got := get(t.Context()); got != 7 || made != 2 {
			t.Errorf("after a change: got %d, made %d times", got, made)
		}
		if took, want := time.Since(begin), 1200*time.Millisecond; took != want {
			t.Errorf("two values took %v, want %v: the second waits ten times as long as the first took", took, want)
		}
		revision = 8
		left, leave := context.WithCancel(t.Context())
		leave()
		if got := get(left); got != 7 || made != 2 {
			t.Errorf("for a request that ended: got %d, made %d times", got, made)
		}
	})
}
