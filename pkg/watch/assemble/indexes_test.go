package assemble

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestEachKindHasAnIndex(t *testing.T) {
	indexes := newTestAssembler().indexes
	for _, row := range object.Kinds {
		if _, ok := indexes[row.Kind]; !ok {
			t.Errorf("there is no index for kind %s", row.Kind)
		}
	}
	if len(indexes) != len(object.Kinds) {
		t.Errorf("got %d indexes, want one for each of %d kinds", len(indexes), len(object.Kinds))
	}
}
