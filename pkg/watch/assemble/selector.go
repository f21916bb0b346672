package assemble

import (
	"maps"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// selectorOf returns the labels of the clients that a DestinationRule is for: nil when it is for all, and a map without
// entries when it is for all of its own namespace.
func selectorOf(spec *networking.DestinationRule) map[string]string {
	if spec.GetWorkloadSelector() == nil {
		return nil
	}
	selector := map[string]string{}
	maps.Copy(selector, spec.GetWorkloadSelector().GetMatchLabels())
	return selector
}

// selectorKey tells selectors apart. That of none is empty.
func selectorKey(selector map[string]string) string {
	if selector == nil {
		return ""
	}
	return "selector " + string(mesh.MakeLabels(selector))
}

// probe is a kind of client, to find out which rules hold for it.
type probe struct {
	namespace string
	labels    mesh.Labels
}

// policyProbes are the clients that may be ruled differently from others by the candidates of one namespace.
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

// selected is the client that a Policy selects with least effort.
func selected(namespace string, p *mesh.MergedDestinationRule) probe {
	return probe{namespace, mesh.MakeLabels(p.Selector)}
}
