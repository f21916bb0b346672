package policy

import (
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// SubsetsAndWhole returns the groups of endpoints that have a cluster: nil, which means all endpoints, then each
// subset.
func SubsetsAndWhole(rule *mesh.MergedDestinationRule) []*mesh.Subset {
	all := []*mesh.Subset{nil}
	if rule == nil {
		return all
	}
	for i := range rule.Subsets {
		if subset := &rule.Subsets[i]; validName(subset.Name) {
			all = append(all, subset)
		}
	}
	return all
}

// CheckSubsets reports subsets with invalid names. They have no clusters.
func CheckSubsets(sink *[]mesh.Problem, rule *mesh.MergedDestinationRule) {
	if rule == nil {
		return
	}
	for _, subset := range rule.Subsets {
		if !validName(subset.Name) {
			report.Field{Sink: sink, Ref: subset.Ref, Path: subset.Field + ".name"}.Errorf(mesh.CodeInvalidValue,
				"A subset cannot be named %q. Calls to it fail. Use letters, digits and dashes.", subset.Name)
		}
	}
}

// validName reports whether the subset's name can be part of a cluster's name.
func validName(name string) bool { return name != "" && !strings.Contains(name, "|") }

// SubsetName returns the name of a subset. It is empty for nil.
func SubsetName(s *mesh.Subset) string {
	if s == nil {
		return ""
	}
	return s.Name
}

// Selects reports whether an endpoint is in the subset. All endpoints are in the nil Subset.
func Selects(s *mesh.Subset, e *mesh.Endpoint) bool { return s == nil || e.Match(s.Labels) }
