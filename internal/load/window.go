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
	last := slotOf(to, interval)
	w.advance(last)
	first := max(slotOf(from, interval), last-windowSlots+1)
	total := to.Sub(from)
	for n := first; n <= last; n++ {
		share := float32(1)
		if total > 0 {
			begin, end := slotStart(n, interval), slotStart(n+1, interval)
			share = float32(minTime(end, to).Sub(maxTime(begin, from))) / float32(total)
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
// have arrived. since is the time from which on calls are counted. It returns false if there is no such interval yet.
func (w *window) rates(since, now time.Time, interval time.Duration) (calls, errors float64, ok bool) {
	end := slotOf(now, interval) - 1 // the reports for this slot are on their way
	w.advance(end + 1)
	begin := max(end-rateWindows, slotOf(since, interval))
	covered := slotStart(end, interval).Sub(maxTime(slotStart(begin, interval), since))
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

func slotOf(t time.Time, interval time.Duration) int64 { return t.UnixNano() / int64(interval) }

func slotStart(n int64, interval time.Duration) time.Time { return time.Unix(0, n*int64(interval)) }

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
