package assemble

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// usualRoots are namespaces in which authors write objects for the whole mesh: Istio's root namespace, and the one in which
// the control plane is installed.
var usualRoots = []string{"istio-system", "mizzen-system"}

// checkRoot reports an object for all pods of a namespace that is easily taken for the root namespace.
func (x *enforcement) checkRoot(r *enforcementReport, s subject, f finding) {
	namespace := s.key().Namespace
	if !f.pods || namespace == x.security.root || !slices.Contains(usualRoots, namespace) || !wholeNamespace(s.selectors()) {
		return
	}
	r.add(mesh.CodeNoPods, mesh.Info, s.field(), "The object selects only the pods of namespace %s, because the root namespace is %s (--root-namespace). Write it there if it is for the whole mesh.",
		namespace, x.security.root)
}

// wholeNamespace reports whether selectors select all pods of a namespace.
func wholeNamespace(selected mesh.PodSelectors) bool {
	return slices.ContainsFunc(selected, func(labels map[string]string) bool { return len(labels) == 0 })
}

// fieldOfScope returns the field that decides which pods an object selects.
func fieldOfScope(bySelector bool, selected mesh.PodSelectors) string {
	switch {
	case wholeNamespace(selected):
		return "metadata.namespace"
	case bySelector:
		return "spec.selector"
	}
	return "spec.targetRefs"
}
