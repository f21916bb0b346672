package routes

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// caller is who calls, as far as the rules at hand ask. A client that does not say who it is has neither.
type caller struct {
	namespace string
	labels    mesh.Labels
}

// meets says whether the calls of c may match a block. What a block asks of the caller is the same for all of its
// calls, so the client is not told of it: it gets the match, or it does not.
func (c caller) meets(m *networking.HTTPMatchRequest) bool {
	if namespace := m.GetSourceNamespace(); namespace != "" && namespace != c.namespace {
		return false
	}
	return c.labels.Match(m.GetSourceLabels())
}

// dependsOnCaller says whether a rule holds for some callers only, in any of its blocks.
func dependsOnCaller(rule *networking.HTTPRoute) bool {
	for _, m := range rule.GetMatch() {
		if m.GetSourceNamespace() != "" || len(m.GetSourceLabels()) > 0 {
			return true
		}
	}
	return false
}
