// Package seeds says how many random cases a test tries.
package seeds

import "iter"

// share is which part of the cases the race detector sees: it makes each five to ten times slower, and finds what goroutines share in
// few of them.
const share = 4

// Of returns the seeds of n random cases: 0 to n-1, or the first quarter of these with the race detector. `make random` tries all.
func Of(n int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for seed := range uint64(Count(n)) {
			if !yield(seed) {
				return
			}
		}
	}
}

// Count returns how many of n random cases are tried.
func Count(n int) int {
	if race {
		return (n + share - 1) / share
	}
	return n
}
