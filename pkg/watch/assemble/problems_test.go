package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestFewerProblems: an object with very many Problems has the most serious of them, and one that counts the others. The Problems of
// other objects stay.
func TestFewerProblems(t *testing.T) {
	var all []mesh.Problem
	for i := range 3 * maxProblems {
		severity := mesh.Info
		if i%3 == 0 {
			severity = mesh.Error
		}
		all = append(all, mesh.Problem{Severity: severity, Object: mesh.Ref{Name: "many"}, Field: fmt.Sprint(i)})
	}
	all = append(all, mesh.Problem{Severity: mesh.Info, Object: mesh.Ref{Name: "one"}, Field: "other"})
	got := fewer(slices.Clone(all))
	if len(got) != maxProblems+1 || got[len(got)-1].Field != "other" {
		t.Fatalf("got %d Problems, the last of them %+v, want %d and that of the other object", len(got), got[len(got)-1], maxProblems)
	}
	listed, rest := got[:maxProblems-1], got[maxProblems-1]
	if i := slices.IndexFunc(listed, func(p mesh.Problem) bool { return p.Severity != mesh.Error }); i >= 0 {
		t.Errorf("%+v is listed, want errors while there are some", listed[i])
	}
	if !strings.Contains(rest.Message, fmt.Sprintf("has %d further Problems", 2*maxProblems+1)) || rest.Severity != mesh.Error {
		t.Errorf("got %+v, want an error that counts the other %d", rest, 2*maxProblems+1)
	}
	if again := fewer(got[:maxProblems]); &again[0] != &got[0] {
		t.Error("what was shortened is shortened again")
	}
}
