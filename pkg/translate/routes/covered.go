package routes

import (
	"cmp"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// reportCovered reports the rules and matches that an earlier one covers, and returns the indices of such rules. This
// depends on nothing but the rules: it is true for every host, port, client and gateway. A match that the clients
// cannot make covers nothing. Neither does a rule that delegates, because calls may continue with the next rule. In a
// delegate only a rule without matches covers others: a match is left out where no match of the delegating rule covers it.
// A match is not reported if its uri was: no call has that, whatever the other matches are.
func (f *form) reportCovered(list report.Field, rules []*networking.HTTPRoute, delegate bool) map[int]bool {
	covered := map[int]bool{}
	var earlier []coverer
	for i, rule := range rules {
		at := list.Index(i)
		own := f.matchesOf(at, rule)
		for j := range own {
			own[j].takes = own[j].takes && (own[j].match == nil || !delegate)
		}
		by := make([]string, len(own)) // the path of what covers each
		for j, m := range own {
			by[j] = cmp.Or(coveredBy(m.match, earlier), coveredBy(m.match, own[:j]))
		}
		if !slices.Contains(by, "") {
			covered[i] = true
			if !slices.ContainsFunc(own, func(m coverer) bool { return !reportedURI(m.at) }) {
				continue // It covers nothing.
			}
			at.Warnf(mesh.CodeUnreachable, "%s matches every call of this rule. This rule has no effect. Move it up or delete it.", by[0])
		} else {
			for j, path := range by {
				if path != "" && !reportedURI(own[j].at) {
					own[j].at.Warnf(mesh.CodeUnreachable, "%s matches every call of this match. This match has no effect. Delete it.", path)
				}
			}
		}
		if !delegates(rule) {
			earlier = append(earlier, own...)
		}
	}
	return covered
}

// reportedURI reports whether there is a Problem that no method has the uri of a match.
func reportedURI(match report.Field) bool {
	at := match.Child("uri")
	return at.Sink != nil && slices.ContainsFunc(*at.Sink, func(p mesh.Problem) bool {
		return p.Code == mesh.CodeUnreachable && p.Object == at.Ref && strings.HasPrefix(p.Field, at.Path+".")
	})
}

// coveredBy returns the path of the first match that covers m; empty if none does.
func coveredBy(m *networking.HTTPMatchRequest, list []coverer) string {
	for _, c := range list {
		if c.takes && c.covers(m) {
			return c.at.Path
		}
	}
	return ""
}

// coverer is a match of a rule; nil for a rule without matches.
type coverer struct {
	at    report.Field
	match *networking.HTTPMatchRequest
	// takes is set if the clients can make the match, everyPath if it has every path.
	takes, everyPath bool
}

func (f *form) matchesOf(at report.Field, rule *networking.HTTPRoute) []coverer {
	if len(rule.GetMatch()) == 0 {
		return []coverer{{at, nil, true, true}}
	}
	var all []coverer
	for j, m := range rule.GetMatch() {
		every, _ := httpURI(report.Field{}, m.GetUri(), m.GetIgnoreUriCase())
		all = append(all, coverer{at.Child("match").Index(j), m, f.canMatch(m), isCatchAll(every)})
	}
	return all
}

// canMatch reports whether the clients can make a match as it is written.
func (f *form) canMatch(m *networking.HTTPMatchRequest) bool {
	_, path := f.uri(report.Field{}, m.GetUri(), m.GetIgnoreUriCase())
	_, compared := f.comparisons(report.Field{}, m)
	return path && compared && f.unsupported(report.Field{}, m) == "" && f.fixed(routeScope{}, report.Field{}, m) == "" &&
		!slices.Contains(m.GetGateways(), noGateway)
}

// covers reports whether the match matches every call that b matches. A nil match matches every call. Paths are compared first:
// most matches differ in them, and each match is compared with all before it.
func (c coverer) covers(b *networking.HTTPMatchRequest) bool {
	a := c.match
	if a == nil {
		return true
	}
	if b == nil {
		b = &networking.HTTPMatchRequest{}
	}
	if !c.everyPath && !coversPath(a, b) {
		return false
	}
	// Without gateways a match is for all gateways of its VirtualService.
	gateways := len(a.GetGateways()) == 0 || len(b.GetGateways()) > 0 &&
		!slices.ContainsFunc(b.GetGateways(), func(g string) bool { return !slices.Contains(a.GetGateways(), g) })
	scope, _ := mesh.CallScopeOf(a)
	other, _ := mesh.CallScopeOf(b)
	return gateways && scope.Contains(other) && coversText(a.GetMethod(), b.GetMethod()) && coversText(a.GetScheme(), b.GetScheme()) &&
		coversText(a.GetAuthority(), b.GetAuthority()) && coversEntries(a.GetQueryParams(), b.GetQueryParams()) && coversHeaders(a, b)
}

// coversPath reports whether a has every path that b has, as far as their texts say it.
func coversPath(a, b *networking.HTTPMatchRequest) bool {
	sub, root := b.GetUri(), a.GetUri()
	if a.GetIgnoreUriCase() {
		sub, root = lowerCase(sub), lowerCase(root)
	}
	return coversText(root, sub) && (a.GetIgnoreUriCase() || !b.GetIgnoreUriCase())
}

// lowerCase returns a text to compare in lower case. Expressions are compared as they are.
func lowerCase(m *networking.StringMatch) *networking.StringMatch {
	switch kind := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: strings.ToLower(kind.Exact)}}
	case *networking.StringMatch_Prefix:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: strings.ToLower(kind.Prefix)}}
	}
	return m
}

// coversText reports whether a accepts every text that b accepts. An absent match accepts every text.
func coversText(a, b *networking.StringMatch) bool {
	return a.GetMatchType() == nil || b.GetMatchType() != nil && covered(b, a)
}

// coversEntries reports whether calls with all entries of b have all entries of a.
func coversEntries(a, b map[string]*networking.StringMatch) bool {
	for key, want := range a {
		if got, ok := b[key]; !ok || !covered(got, want) || got.GetMatchType() == nil && want.GetMatchType() != nil {
			return false
		}
	}
	return true
}

func coversHeaders(a, b *networking.HTTPMatchRequest) bool {
	if !coversEntries(a.GetHeaders(), b.GetHeaders()) {
		return false
	}
	for key, out := range a.GetWithoutHeaders() {
		// b must leave out at least the values that a leaves out.
		if got, ok := b.GetWithoutHeaders()[key]; !ok || !covered(out, got) || out.GetMatchType() == nil && got.GetMatchType() != nil {
			return false
		}
	}
	return true
}
