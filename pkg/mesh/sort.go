package mesh

import (
	"iter"
	"slices"
	"sort"
)

// SortFunc sorts as slices.SortFunc does. The compiler makes a copy of that for each type of elements that are not pointers, of
// 20 kB; this one is made once, and takes a little longer. It is for lists that are short, or sorted to answer an operator.
func SortFunc[E any](list []E, compare func(a, b E) int) {
	if len(list) > 1 {
		sort.Slice(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
	}
}

// SortStableFunc is SortFunc, except that equal elements stay in their order.
func SortStableFunc[E any](list []E, compare func(a, b E) int) {
	if len(list) > 1 {
		sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
	}
}

// SortedFunc returns a sorted list of the elements.
func SortedFunc[E any](elements iter.Seq[E], compare func(a, b E) int) []E {
	list := slices.Collect(elements)
	SortFunc(list, compare)
	return list
}
