package mesh

import (
	"iter"
	"slices"
	"unique"
)

// VirtualServices is an immutable list of VirtualServices. It is comparable, so it can be part of a cache key: lists
// of the same VirtualServices in the same order are equal. The zero VirtualServices is empty.
type VirtualServices struct {
	first unique.Handle[virtualServiceLink]
}

// virtualServiceLink is a VirtualService and the list after it.
type virtualServiceLink struct {
	vs   *VirtualService
	rest VirtualServices
}

// MakeVirtualServices makes a list.
func MakeVirtualServices(list ...*VirtualService) VirtualServices {
	var all VirtualServices
	for _, vs := range slices.Backward(list) {
		all = VirtualServices{unique.Make(virtualServiceLink{vs, all})}
	}
	return all
}

// Empty reports whether the list is empty.
func (l VirtualServices) Empty() bool { return l == VirtualServices{} }

// First returns the first VirtualService, or nil.
func (l VirtualServices) First() *VirtualService {
	if l.Empty() {
		return nil
	}
	return l.first.Value().vs
}

// All yields the VirtualServices in order.
func (l VirtualServices) All() iter.Seq[*VirtualService] {
	return func(yield func(*VirtualService) bool) {
		for rest := l; !rest.Empty(); {
			link := rest.first.Value()
			if !yield(link.vs) {
				return
			}
			rest = link.rest
		}
	}
}
