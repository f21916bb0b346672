package mesh

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnsilenced leaves out the silenced codes of an object, and no others.
func TestUnsilenced(t *testing.T) {
	a, b := Ref{Kind: "DestinationRule", Name: "a"}, Ref{Kind: "DestinationRule", Name: "b"}
	w := &World{Silenced: map[Ref][]Code{a: {CodeInvalidValue, CodeNoSuchHost}}}
	got := w.Unsilenced([]Problem{
		{Code: CodeNoSuchHost, Object: a},
		{Code: CodeNoSuchHost, Object: b},
		{Code: CodeConflict, Object: a},
		{Code: CodeInvalidValue, Object: a, Field: "spec.host"},
		{Code: CodeInvalidValue, Object: a, Field: AnnotationField(AnnotationIgnore)},
	})
	want := []Problem{
		{Code: CodeNoSuchHost, Object: b},
		{Code: CodeConflict, Object: a},
		{Code: CodeInvalidValue, Object: a, Field: AnnotationField(AnnotationIgnore)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
