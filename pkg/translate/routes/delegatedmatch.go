package routes

import (
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// delegatedMatches are the matches of the delegates of one VirtualService. Several of its rules may delegate to one
// delegate, so it is known only after all of them whether a match is covered.
type delegatedMatches struct{ all []*delegatedMatch }

type delegatedMatch struct {
	at report.Field
	// rules are the paths of the delegating rules that do not cover it.
	rules   []string
	covered bool
}

// add records whether a delegating rule covers a match.
func (m *delegatedMatches) add(at, rule report.Field, covered bool) {
	found := m.find(at)
	if found == nil {
		found = &delegatedMatch{at: at}
		m.all = append(m.all, found)
	}
	found.covered = found.covered || covered
	if !covered {
		found.rules = append(found.rules, rule.Path)
	}
}

func (m *delegatedMatches) find(at report.Field) *delegatedMatch {
	for _, d := range m.all {
		if d.at == at {
			return d
		}
	}
	return nil
}

// report reports the matches that no rule of the VirtualService covers. If other VirtualServices delegate to the
// delegate too, their rules may cover the match.
func (m *delegatedMatches) report(vs *mesh.VirtualService) {
	for _, d := range m.all {
		rules := strings.Join(d.rules, " and ")
		switch {
		case d.covered:
		case vs.Delegates[d.at.Ref.Key()].Shared:
			d.at.Notef(mesh.CodeConflict, "No match of %s %s covers every call of this match. It matches nothing for that VirtualService. "+
				"Widen one of those matches, unless another VirtualService that delegates here needs it.", vs.Ref, rules)
		default:
			d.at.Errorf(mesh.CodeConflict,
				"No match of %s %s covers every call of this match. This match matches nothing. Narrow it, or widen one of those matches.", vs.Ref, rules)
		}
	}
}
