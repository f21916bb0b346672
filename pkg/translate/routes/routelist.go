package routes

import (
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// routeList is a translated list of rules.
type routeList struct {
	routes  []*routev3.Route
	origins []report.Origin
	skipped []resource.SkippedMatch
}

// block is one match of a route, with the path of the match block that it was made from.
type block struct {
	match *routev3.RouteMatch
	field string
}

// concerns reports whether a rule can apply to the clients of c on its port, whatever else its matches compare. A rule
// that can apply and matches no call takes the calls all the same: they fail.
func (c routeScope) concerns(rules *ruleList) bool {
	return slices.ContainsFunc(rules.rules, func(r boundRule) bool {
		return r.rule != nil && (len(r.rule.GetMatch()) == 0 || slices.ContainsFunc(r.rule.GetMatch(), c.concernedBy))
	})
}

// anyone is c for clients about which nothing is known: rules that concern them concern all clients.
func (c routeScope) anyone() routeScope {
	c.source = source{}
	return c
}

func (c routeScope) concernedBy(m *networking.HTTPMatchRequest) bool {
	scope, ok := mesh.CallScopeOf(m)
	ok = ok || slices.Contains(m.GetGateways(), noGateway)
	return ok && (scope.Port == 0 || scope.Port == c.port) && c.source.meets(m)
}

// routeList translates rules in order, up to a rule that matches every call, and marks the rules that calls reach.
// A call that no rule matches fails, as in Istio: no route is added for it.
func (c routeScope) routeList(rules *ruleList) routeList {
	rules.used = true
	var list routeList
	var named []weightedCluster
	complete := false // A rule matches every call of these clients. Other clients may reach the rules after it.
	for _, r := range rules.rules {
		rules.reached[r.index] = true
		if r.rule == nil {
			if r.skipReason != "" {
				list.skip(r, len(list.routes), r.at.Path, r.skipReason)
			}
			continue
		}
		blocks := c.blocks(&list, r)
		port := c.port
		if len(blocks) == 0 {
			// The rule is for another port or client, or for no call. It is only checked.
			port = 0
		}
		r.destinations.called = r.destinations.called && !complete && c.mayTake(r.rule)
		r.destinations.named = r.destinations.named || matchesNamespace(r.rule.GetMatch(), r.destinations.namespace)
		out := c.weighted(r, c.action(r, port))
		for _, b := range blocks {
			if complete {
				break
			}
			named = append(named, out.clusters...)
			list.add(r, b, out)
			complete = isCatchAll(b.match) && (c.host != "" || !dependsOnScope(r.rule))
			if complete && !dependsOnSource(r.rule) && r.author == nil { // Compiled rules are checked to the end.
				list.routes = keepZeroWeightClusters(list.routes, named)
				return list
			}
		}
	}
	list.routes = keepZeroWeightClusters(list.routes, named)
	return list
}

// mayTake reports whether clients of the namespace may take a rule, if they have the right labels.
func (c routeScope) mayTake(rule *networking.HTTPRoute) bool {
	return len(rule.GetMatch()) == 0 || slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
		scope, ok := mesh.CallScopeOf(m)
		return ok && (scope.Namespace == "" || scope.Namespace == c.source.namespace)
	})
}

// onlyMesh reports whether a match is only for calls within the mesh.
func onlyMesh(m *networking.HTTPMatchRequest) bool {
	return len(m.GetGateways()) > 0 && !slices.ContainsFunc(m.GetGateways(), func(g string) bool { return g != mesh.MeshGateway })
}

// add appends the route of a block.
func (l *routeList) add(r boundRule, b block, out routeAction) {
	l.origins = append(l.origins, r.originsOf(len(l.routes), b.field)...)
	l.routes = append(l.routes, &routev3.Route{
		Name: r.rule.GetName(), Match: b.match, Action: out.route.Action, TypedPerFilterConfig: out.route.TypedPerFilterConfig,
		RequestHeadersToAdd: out.route.RequestHeadersToAdd, RequestHeadersToRemove: out.route.RequestHeadersToRemove,
		ResponseHeadersToAdd: out.route.ResponseHeadersToAdd, ResponseHeadersToRemove: out.route.ResponseHeadersToRemove,
	})
}

// blocks translates the match blocks of a rule, in order. A rule without match blocks matches every call. Blocks
// that no call can match are left out, and list gets the reasons.
func (c routeScope) blocks(list *routeList, r boundRule) []block {
	if len(r.rule.GetMatch()) == 0 {
		every, _ := c.form.uri(r.at, nil, false)
		return []block{{every, r.at.Path}}
	}
	var all []block
	foreign := false // A match is for calls that these clients do not make.
	for i, m := range r.rule.GetMatch() {
		where := r.at.Child("match").Index(i)
		matches, why := c.alternatives(where, m)
		if r.gateways && !onlyMesh(m) {
			// Calls through a gateway may have other paths and methods.
			where.Withdraw(mesh.CodeUnreachable)
		}
		if r.forHTTP() {
			where.Withdraw(mesh.CodeUnreachable)
			foreign = foreign || !r.reportsError(where) && (why == c.form.noSuchPath || why == reasonNotPost)
		}
		if why != "" {
			list.skip(r, len(list.routes)+len(all), where.Path, why)
		}
		for _, match := range matches {
			all = append(all, block{match, where.Path})
		}
	}
	if foreign && len(all) == 0 && !r.author.Part {
		r.at.Child("match").Notef(mesh.CodeUnreachable, "No gRPC call has this path and method. The match matches nothing for gRPC clients. Nothing is wrong if it is for HTTP clients.")
	}
	return all
}

// reportsError reports whether a part of the rule is wrong by a Problem.
func (r boundRule) reportsError(at report.Field) bool {
	return r.at.Sink != nil && slices.ContainsFunc(*r.at.Sink, func(p mesh.Problem) bool {
		return p.Severity == mesh.Error && strings.HasPrefix(p.Field, at.Path)
	})
}

// originsOf returns the Origins of the route with the index: the match block and, for a merged rule, the other of
// the two rules.
func (r boundRule) originsOf(index int, field string) []report.Origin {
	path := "virtual_hosts[0].routes[" + strconv.Itoa(index) + "]"
	switch {
	case r.author != nil:
		return []report.Origin{{Path: path, Ref: r.author.Ref, Field: r.author.FieldOf(field)}}
	case r.provenance == nil:
		return []report.Origin{{Path: path, Ref: r.at.Ref, Field: field}}
	}
	match, other := r.provenance.locate(field), r.delegatedBy
	if match.Ref == r.delegatedBy.Ref {
		other = r.provenance[""]
	}
	return []report.Origin{match.Origin(path), other.Origin(path)}
}
