package routes

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// source has the properties of the clients that sourceNamespace and sourceLabels refer to. Both are empty for a
// client that does not state them.
type source struct {
	namespace string
	labels    mesh.Labels
}

// meets reports whether the source meets sourceNamespace and sourceLabels of a match block. The result is the same
// for all calls of a client, so these conditions are not sent: a client gets the route, or does not get it.
func (s source) meets(m *networking.HTTPMatchRequest) bool {
	if namespace := m.GetSourceNamespace(); namespace != "" && namespace != s.namespace {
		return false
	}
	return s.labels.Match(m.GetSourceLabels())
}

// dependsOnSource reports whether a match of the rule has a condition on the source.
func dependsOnSource(rule *networking.HTTPRoute) bool {
	for _, m := range rule.GetMatch() {
		if m.GetSourceNamespace() != "" || len(m.GetSourceLabels()) > 0 {
			return true
		}
	}
	return false
}
