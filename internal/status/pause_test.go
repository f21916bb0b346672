package status

import (
	"testing"
	"time"
)

// TestPause: an API server that answers slowly, or a first write of many conditions, does not delay the next ones for minutes.
func TestPause(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{time.Millisecond: time.Second, 100 * time.Millisecond: 2 * time.Second, 4 * time.Second: 10 * time.Second, 10 * time.Minute: 10 * time.Second} {
		if got := pauseAfter(took); got != want {
			t.Errorf("after %v: got %v, want %v", took, got, want)
		}
	}
}
