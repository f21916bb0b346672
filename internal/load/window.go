package load

import "time"

const (
	// rateWindows is the number of intervals over which rates are averages.
	rateWindows = 6
	// windowSlots has the current interval as well, the one before it, for which reports are still on their way, and one
	// that a late report reaches back to.
	windowSlots = rateWindows + 3
)

// window has the calls of the last intervals, for rates. A report is divided among the intervals that it covers.
type window struct {
	// newest is the number of the newest slot: the time since 1970 in intervals.
	newest int64
	slots  [windowSlots]struct{ calls, errors float32 }
}

// add counts calls that were made evenly from the first time to the second.
func (w *window) add(from, to time.Time, interval time.Duration, calls, errors uint64) {
	since, until, length := from.UnixNano(), to.UnixNano(), int64(interval)
	last := slotOf(to, interval)
	w.advance(last)
	for n := max(since/length, last-windowSlots+1); n <= last; n++ {
		share := float32(1)
		if until > since {
			share = float32(min((n+1)*length, until)-max(n*length, since)) / float32(until-since)
		}
		slot := &w.slots[n%windowSlots]
		slot.calls += share * float32(calls)
		slot.errors += share * float32(errors)
	}
}

// advance empties the slots between the newest one and n, which becomes the newest.
func (w *window) advance(n int64) {
	for i := max(w.newest+1, n-windowSlots+1); i <= n; i++ {
		w.slots[i%windowSlots] = struct{ calls, errors float32 }{}
	}
	w.newest = max(w.newest, n)
}

// rates returns how many calls and errors there are in a second, on average over the last intervals for which all reports
// have arrived. from is the time from which on calls are counted. It returns false if there is no such interval yet.
func (w *window) rates(from, now time.Time, interval time.Duration) (calls, errors float64, ok bool) {
	since, length := from.UnixNano(), int64(interval)
	end := slotOf(now, interval) - 1 // the reports for this slot are on their way
	w.advance(end + 1)
	begin := max(end-rateWindows, since/length)
	covered := time.Duration(end*length - max(begin*length, since))
	if covered < interval {
		return 0, 0, false
	}
	for n := begin; n < end; n++ {
		slot := w.slots[n%windowSlots]
		calls += float64(slot.calls)
		errors += float64(slot.errors)
	}
	return calls / covered.Seconds(), errors / covered.Seconds(), true
}

// slotOf returns the number of the slot of a time.
func slotOf(t time.Time, interval time.Duration) int64 { return t.UnixNano() / int64(interval) }
