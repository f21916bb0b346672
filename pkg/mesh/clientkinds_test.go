package mesh

import "testing"

// TestClientKindTableIsInOrder checks the order that ClientKind.row relies on.
func TestClientKindTableIsInOrder(t *testing.T) {
	for i, row := range clientKindTable {
		if int(row.kind) != i {
			t.Errorf("row %d is for client kind %d", i, row.kind)
		}
		if row.name == "" || row.userAgent != "" && row.header != "" {
			t.Errorf("row %d is incomplete: %+v", i, row)
		}
		if got, ok := ClientKindNamed(row.name); !ok || got != row.kind {
			t.Errorf("the name %q belongs to %v, want %v", row.name, got, row.kind)
		}
		if got := ClientKindOf(row.userAgent + " 1"); got != row.kind && row.userAgent != "" {
			t.Errorf("the user agent %q belongs to %v, want %v", row.userAgent, got, row.kind)
		}
		if got, version := ClientKindByHeader(row.header + "v1.2.3 x"); row.header != "" && (got != row.kind || version != "1.2.3") {
			t.Errorf("the header %q belongs to %v in version %q, want %v in 1.2.3", row.header, got, version, row.kind)
		}
	}
	if len(clientKindTable) != len(AllClientKinds.All()) {
		t.Errorf("%d rows, want one for each of %s", len(clientKindTable), AllClientKinds)
	}
	if beyond := ClientKind(len(clientKindTable)); beyond.String() != "unknown" {
		t.Errorf("client kind %d does not exist, but its name is %q", uint8(beyond), beyond)
	}
}
