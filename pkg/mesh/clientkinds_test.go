package mesh

import "testing"

// TestClientKindTableIsInOrder is what Agent.row relies on.
func TestClientKindTableIsInOrder(t *testing.T) {
	for i, row := range clientKindTable {
		if int(row.kind) != i {
			t.Errorf("row %d is of agent %d", i, row.kind)
		}
		if row.name == "" || (row.userAgent == "") != (row.kind == UnknownClient) {
			t.Errorf("row %d is incomplete: %+v", i, row)
		}
		if got, ok := ClientKindNamed(row.name); !ok || got != row.kind {
			t.Errorf("%q is agent %v", row.name, got)
		}
		if got := ClientKindOf(row.userAgent + " 1"); got != row.kind && row.userAgent != "" {
			t.Errorf("%q is agent %v", row.userAgent, got)
		}
	}
	if len(clientKindTable) != len(AllClientKinds.All()) {
		t.Errorf("%d rows, want one for each of %s", len(clientKindTable), AllClientKinds)
	}
	if beyond := ClientKind(len(clientKindTable)); beyond.String() != "unknown" {
		t.Errorf("agent %d, which there is not, is called %q", beyond, beyond)
	}
}
