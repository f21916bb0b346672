package mesh

import (
	"encoding/json"
	"testing"
)

func TestClientKinds(t *testing.T) {
	set := MakeClientKinds(GRPCNode, GRPCGo)
	if got, want := set.String(), "gRPC Go, gRPC Node"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if set.Has(GRPCJava) || !set.Has(GRPCNode) {
		t.Errorf("%v contains the wrong client kinds", set)
	}
	text, err := json.Marshal(Problem{ClientKinds: set})
	if err != nil {
		t.Fatal(err)
	}
	var back Problem
	if err := json.Unmarshal(text, &back); err != nil || back.ClientKinds != set {
		t.Errorf("got %v back from %s, %v; want %v", back.ClientKinds, text, err, set)
	}
}

func TestProblemOfAllClientKindsNamesNone(t *testing.T) {
	text, err := json.Marshal(Problem{Code: CodeConflict})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"code":"Conflict","severity":"","object":{"kind":"","name":""},"message":""}`; string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
