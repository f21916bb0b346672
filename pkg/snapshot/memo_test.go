package snapshot

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestMemoUpToLimit requests many different keys while the first value is being made. Making a value takes 2 ms,
// because a mutex is passed to each waiter in turn only after one of them has waited for a millisecond.
func TestMemoUpToLimit(t *testing.T) {
	const limit, asked = 4, 16
	var m memo[int, int]
	var asking sync.WaitGroup
	start := make(chan struct{})
	for in := range asked {
		asking.Go(func() {
			<-start
			if got := m.getUpTo(limit, in, slowly); got != 2*in {
				t.Errorf("got %d for %d", got, in)
			}
		})
	}
	close(start)
	asking.Wait()
	if n := m.len(); n != limit {
		t.Errorf("%d are kept, want %d", n, limit)
	}
}

func slowly(in int) int {
	for start := time.Now(); time.Since(start) < 2*time.Millisecond; {
		runtime.Gosched()
	}
	return 2 * in
}

// TestMemoBeyondLimit makes values that are not kept without the lock, so that callers make them concurrently.
func TestMemoBeyondLimit(t *testing.T) {
	var m memo[int, int]
	m.get(1, func(int) int { return 1 })
	inner := 0
	m.getUpTo(1, 2, func(int) int {
		inner = m.getUpTo(1, 3, func(int) int { return 3 }) + m.getUpTo(1, 1, func(int) int { return 0 })
		return 2
	})
	if inner != 4 {
		t.Errorf("got %d", inner)
	}
}
