package assemble

import (
	"maps"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// selectorOf returns the labels of the clients that a DestinationRule selects: nil if it applies to all clients, and
// an empty map if it applies to all clients of the rule's namespace.
func selectorOf(spec *networking.DestinationRule) map[string]string {
	if spec.GetWorkloadSelector() == nil {
		return nil
	}
	selector := map[string]string{}
	maps.Copy(selector, spec.GetWorkloadSelector().GetMatchLabels())
	return selector
}

// selectorKey identifies a selector. The key of no selector is empty.
func selectorKey(selector map[string]string) string {
	if selector == nil {
		return ""
	}
	return "selector " + string(mesh.MakeLabels(selector))
}

// probe is a kind of client, used to find out which rules apply to it.
type probe struct {
	namespace string
	labels    mesh.Labels
}

// policyProbes are the kinds of clients for which the candidates of one namespace may give different results.
func policyProbes(namespace string, list []mesh.DestinationRuleCandidate) []probe {
	probes := []probe{{namespace: namespace}, {namespace: otherNamespaces}}
	for _, c := range list {
		for _, n := range c.Export.Namespaces {
			probes = append(probes, probe{namespace: n})
		}
		if c.Rule.Selector != nil {
			probes = append(probes, selected(namespace, c.Rule))
		}
	}
	return probes
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// selected is the client with the fewest labels that a MergedDestinationRule selects.
func selected(namespace string, p *mesh.MergedDestinationRule) probe {
	return probe{namespace, mesh.MakeLabels(p.Selector)}
}
