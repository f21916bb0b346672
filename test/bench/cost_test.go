package bench

import (
	"runtime"
	"testing"
)

// TestCostOfAChange measures the allocations for one changed endpoint, which do not depend on the load of the
// machine. A change that makes this more expensive fails here, and not in a cluster.
func TestCostOfAChange(t *testing.T) {
	const (
		// perChange limits the allocations for a change among 100 services, independent of the number of streams, and
		// perResponse limits the further ones for each affected stream. The log shows the measured values. The margin
		// allows for another version of Go, but not for a mistake that affects every stream.
		perChange   = 300
		perResponse = 9
		// bySize limits the ratio of the allocations of a change among a hundred times as many services.
		bySize = 1.3
	)
	few, many := allocations(t, 100, 100), allocations(t, 100, 600)
	response := (many - few) / 50 // a change affects a tenth of the streams
	change := few - 10*response
	big := allocations(t, 10_000, 100)
	t.Logf("%.0f allocations for a change, %.1f for each response; %.0f in all among 100 services, %.0f among 10,000", change, response, few, big)
	if change > perChange || response > perResponse {
		t.Errorf("got %.0f allocations for a change and %.1f for each response, want at most %d and %d", change, response, perChange, perResponse)
	}
	if ratio := big / few; ratio > bySize {
		t.Errorf("a change allocates %.2f times as much among 10,000 services as among 100, want at most %.1f", ratio, bySize)
	}
}

// allocations returns the number of allocations for one change, with the requests and responses that it causes.
func allocations(t *testing.T, services, streams int) float64 {
	t.Helper()
	const changes = 200
	f := newFanout(t, services, streams)
	f.change(0) // allocates what is made only once
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := range changes {
		f.change(n + 1)
	}
	runtime.ReadMemStats(&after)
	f.check(t, changes+1)
	return float64(after.Mallocs-before.Mallocs) / changes
}
