package policy

import (
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// SubsetsAndWhole lists what a host's clusters and endpoints are made for: everything, which is the nil Subset, then each subset.
func SubsetsAndWhole(p *mesh.MergedDestinationRule) []*mesh.Subset {
	all := []*mesh.Subset{nil}
	if p == nil {
		return all
	}
	for i := range p.Subsets {
		if subset := &p.Subsets[i]; nameable(subset.Name) {
			all = append(all, subset)
		}
	}
	return all
}

// CheckSubsets reports subsets that cannot be called.
func CheckSubsets(sink *[]mesh.Problem, p *mesh.MergedDestinationRule) {
	if p == nil {
		return
	}
	for _, subset := range p.Subsets {
		if !nameable(subset.Name) {
			report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field + ".name"}.Errorf(mesh.CodeInvalidValue,
				"A subset cannot be named %q. Calls to it fail. Use letters, digits and dashes.", subset.Name)
		}
	}
}

// nameable says whether the subset's name can stand in a cluster's.
func nameable(name string) bool { return name != "" && !strings.Contains(name, "|") }

// SubsetName is empty for the nil Subset.
func SubsetName(s *mesh.Subset) string {
	if s == nil {
		return ""
	}
	return s.Name
}

// Selects says whether an endpoint belongs to the subset. Everything belongs to the nil Subset.
func Selects(s *mesh.Subset, e *mesh.Endpoint) bool { return s == nil || e.Labels.Match(s.Labels) }
