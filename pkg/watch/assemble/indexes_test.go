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
	if want := len(object.Kinds) + 1; len(indexes) != want {
		t.Errorf("got %d indexes, want %d: one for each kind, and one for names", len(indexes), want)
	}
}
