package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Server translates what a gRPC server subscribes to for itself: the Listener of a port, or its RouteConfiguration if the
// Input names no Listener. translate is inbound.TranslatePolicy, or a memo of it. Its Problems are those of the policies
// together; each of them has its own.
func Server(in inbound.Input, translate func(inbound.RulesInput) inbound.PolicyRules) *Bundle {
	b := &Bundle{Problems: inbound.Oversize(in, translate)}
	if in.Name == "" {
		b.Routes = []resource.Resource{inbound.Routes(in, translate)}
	} else if listener, ok := inbound.Listener(in); ok {
		b.Listeners = []resource.Resource{listener}
	}
	return b
}
