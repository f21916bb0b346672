package assemble

import (
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// kindIndexes has an index for each kind.
type kindIndexes map[object.Kind]kindIndex

// kindIndex is where the values of one kind are kept.
type kindIndex struct {
	// put replaces the value of a key; nil removes it.
	put func(key object.Key, value any)
	// each visits every value.
	each func(visit func(key object.Key, value any))
}

// indexOf makes a kindIndex of functions for values of type V.
func indexOf[V any](put func(object.Key, *V), each func(visit func(object.Key, *V))) kindIndex {
	return kindIndex{
		put: func(key object.Key, value any) {
			v, _ := value.(*V)
			put(key, v)
		},
		each: func(visit func(object.Key, any)) { each(func(key object.Key, v *V) { visit(key, v) }) },
	}
}
