package mesh

import (
	"iter"
	"slices"
	"unique"
)

// List is an immutable list. It is comparable, so it can be part of a cache key: lists of the same values in the same
// order are equal. The zero List is empty.
type List[T comparable] struct {
	first unique.Handle[listLink[T]]
}

// listLink is a value and the list after it.
type listLink[T comparable] struct {
	value T
	rest  List[T]
}

// MakeList makes a list.
func MakeList[T comparable](values ...T) List[T] {
	var all List[T]
	for _, value := range slices.Backward(values) {
		all = List[T]{unique.Make(listLink[T]{value, all})}
	}
	return all
}

// Empty reports whether the list is empty.
func (l List[T]) Empty() bool { return l == List[T]{} }

// First returns the first value, or the zero value.
func (l List[T]) First() (first T) {
	if l.Empty() {
		return first
	}
	return l.first.Value().value
}

// All yields the values in order.
func (l List[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for rest := l; !rest.Empty(); {
			link := rest.first.Value()
			if !yield(link.value) {
				return
			}
			rest = link.rest
		}
	}
}
