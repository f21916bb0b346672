package policy

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestPortChoices(t *testing.T) {
	service := &mesh.Service{Ports: []mesh.Port{{Name: "grpc", Number: 80, Target: 8080}, {Name: "admin", Number: 81}, {Name: "named", Number: 82, NamedTarget: true, Target: 9000}}}
	for written, want := range map[uint32]string{
		8080: "It is the targetPort of port 80. Set 80.",
		9000: "Set one of its ports: 80, 81, 82 (not a targetPort).",
	} {
		if got := PortChoices(service, written); got != want {
			t.Errorf("%d: got %q, want %q", written, got, want)
		}
	}
	if got := PortChoices(&mesh.Service{}, 80); got != "Set one of its ports, not a targetPort." {
		t.Errorf("without ports: got %q", got)
	}
}
