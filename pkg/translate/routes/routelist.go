package routes

import (
	"strconv"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// routeList is what a list of rules comes to for a callee.
type routeList struct {
	routes  []*routev3.Route
	origins []report.Origin
	skipped []resource.SkippedMatch
}

// block is one match of a rule, with the path of the block that it stands for.
type block struct {
	match *routev3.RouteMatch
	field string
}

// routeList translates a list of rules in their author's order, up to one that takes everything, and notes which it
// came by. Without a rule for a call the call fails, as with Istio: nothing is added that would take it.
func (c routeScope) routeList(s *ruleList) routeList {
	s.used = true
	var f routeList
	var named []weightedCluster
	taken := false // all of this caller's calls are, while those of others may go on
	for _, r := range s.rules {
		s.reached[r.index] = true
		if r.rule == nil {
			if r.skipReason != "" {
				f.skip(r, len(f.routes), r.at.Path, r.skipReason)
			}
			continue
		}
		blocks := c.blocks(&f, r)
		port := c.port
		if len(blocks) == 0 {
			// The rule is for another port or caller, or for none: it is read for its Problems alone.
			port = 0
		}
		out := r.targets.routeAction(r.at, r.rule, port)
		for _, b := range blocks {
			if taken {
				break
			}
			named = append(named, out.clusters...)
			f.add(r, b, out)
			taken = isCatchAll(b.match) && (c.host != "" || !dependsOnScope(r.rule))
			if taken && !dependsOnCaller(r.rule) {
				f.routes = keepZeroWeightClusters(f.routes, named)
				return f
			}
		}
	}
	f.routes = keepZeroWeightClusters(f.routes, named)
	return f
}

// add appends the route of a block.
func (f *routeList) add(r boundRule, b block, out routeAction) {
	f.origins = append(f.origins, r.originsOf(len(f.routes), b.field)...)
	f.routes = append(f.routes, &routev3.Route{
		Name:                 r.rule.GetName(),
		Match:                b.match,
		Action:               &routev3.Route_Route{Route: out.action},
		TypedPerFilterConfig: out.overrides,
	})
}

// blocks are those of a rule, in order, that some call may meet. Without any the rule holds for every call. Of the
// others f keeps why they are left out.
func (c routeScope) blocks(f *routeList, r boundRule) []block {
	if len(r.rule.GetMatch()) == 0 {
		every, _ := pathMatch(r.at, nil, false)
		return []block{{every, r.at.Path}}
	}
	var all []block
	for i, m := range r.rule.GetMatch() {
		where := r.at.Child("match").Index(i)
		matches, why := c.alternatives(where, m)
		if why != "" {
			f.skip(r, len(f.routes)+len(all), where.Path, why)
		}
		for _, match := range matches {
			all = append(all, block{match, where.Path})
		}
	}
	return all
}

// originsOf say where the route of that index comes from: the match of a rule and, of one merged, the other rule
// besides.
func (r boundRule) originsOf(index int, field string) []report.Origin {
	path := "virtual_hosts[0].routes[" + strconv.Itoa(index) + "]"
	if r.provenance == nil {
		return []report.Origin{{Path: path, Ref: r.at.Ref, Field: field}}
	}
	match, other := r.provenance.locate(field), r.delegatedBy
	if match.Ref == r.delegatedBy.Ref {
		other = r.provenance[""]
	}
	return []report.Origin{match.Origin(path), other.Origin(path)}
}
