package bench

import (
	"runtime"
	"testing"
)

// TestCostOfAChange counts what one changed endpoint costs: allocations do not depend on how busy a machine is. Who makes a change dearer
// finds the reason here, and not in a cluster.
func TestCostOfAChange(t *testing.T) {
	const (
		// What is allocated for a change, whatever the number of streams, among 100 services, and for each stream that it concerns. Measured:
		// see the log. There is room for another version of Go, and none for a mistake that is paid by every stream.
		perChange   = 300
		perResponse = 9
		// How many times as much a change may allocate among a hundred times as many services.
		bySize = 1.3
	)
	few, many := allocations(t, 100, 100), allocations(t, 100, 600)
	response := (many - few) / 50 // a change concerns a tenth of the streams
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

// allocations is how many are made for one change, with the requests and responses that it leads to.
func allocations(t *testing.T, services, streams int) float64 {
	t.Helper()
	const changes = 200
	f := newFanout(t, services, streams)
	f.change(0) // what is made once
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
