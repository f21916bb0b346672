package assemble

import (
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rules are the VirtualServices and DestinationRules of the mesh, and what they are bound to. They read Services only
// from the World that is being built, whichever inventory the Services come from.
type rules struct {
	domain, root string
	// hosts has every host; rules only read it.
	hosts    *hostIndex
	policies policyIndex
	routes   routeIndex
	authored authoredIndex
	// aliases finds the other names of a Service, by its host.
	aliases  index[string, string]
	entries  entryIndex
	problems *problemIndex
	// patterns must be compared with the hosts again, because either side changed.
	patterns map[string]struct{}
	missing  missingHosts
	// unmet are the destinations without a Service.
	unmet map[string]struct{}
}

func newRules(o Options, hosts *hostIndex, problems *problemIndex) *rules {
	return &rules{
		domain: o.Domain, root: o.RootNamespace, hosts: hosts, problems: problems,
		policies: newPolicyIndex(), routes: newRouteIndex(), authored: authoredIndex{}, entries: newEntryIndex(), aliases: index[string, string]{},
		patterns: map[string]struct{}{}, missing: missingHosts{}, unmet: map[string]struct{}{},
	}
}

// indexes returns the indexes of the kinds of rules.
func (r *rules) indexes() kindIndexes {
	return kindIndexes{
		object.KindDestinationRule: indexOf(r.putDestinationRule, r.policies.each),
		object.KindVirtualService:  indexOf(r.putVirtualService, r.routes.each),
		object.KindServiceEntry:    indexOf(r.putServiceEntry, r.entries.each),
	}
}

// size is how many rules there are.
func (r *rules) size() int { return len(r.policies.rules) + len(r.routes.entries) }

func (r *rules) putDestinationRule(key object.Key, d *object.DestinationRule) {
	r.policies.put(key, d, r.domain)
	r.entries.moved = true
}

func (r *rules) putVirtualService(key object.Key, v *object.VirtualService) {
	r.routes.put(key, v, r.domain)
	r.entries.moved = true
}

// apply binds again what changed since the last World, and what depends on Services that changed. The order of its
// steps matters: policies first, then routes, which refer to Services and policies.
func (r *rules) apply(b *worldBuilder) {
	for host := range b.touched {
		r.rebindTo(host)
		for _, tier := range r.routes.hosts.tiers(host) { // Their matches may name ports of the Service.
			r.patterns[tier.pattern] = struct{}{}
		}
		for _, tier := range r.policies.hosts.tiers(host) { // Clients that see them may not see the Service.
			r.patterns[tier.pattern] = struct{}{}
		}
	}
	for host := range b.moved {
		r.patterns[host] = struct{}{}
	}
	for host := range b.aliases.next {
		r.patterns[host] = struct{}{}
	}
	if len(b.moved) > 0 {
		maps.Copy(r.patterns, r.missing)
		for host := range r.unmet {
			r.rebindTo(host)
			if len(r.routes.byDestination[host]) == 0 {
				delete(r.unmet, host)
			}
		}
		for suffix := range r.policies.hosts.wild {
			r.patterns["*"+suffix] = struct{}{}
		}
		for suffix := range r.routes.hosts.wild {
			r.patterns["*"+suffix] = struct{}{}
		}
	}
	r.bindPolicies(b)
	r.bindRoutes(b)
	r.checkHosts(b)
	r.entries.moved = r.entries.moved || len(b.moved) > 0 || len(b.aliases.next) > 0
	r.checkEntries(b)
}

// rebindTo marks the VirtualServices that send calls to a host for binding.
func (r *rules) rebindTo(host string) {
	for _, h := range r.routes.byDestination[host] {
		r.routes.dirty[h] = struct{}{}
	}
}

func (r *rules) bindPolicies(b *worldBuilder) {
	r.policies.merge(r.problems)
	declared := take(&r.policies.dirtyHosts)
	for host := range r.concerned(b, declared) {
		var table *mesh.DestinationRuleSet
		if service := configured(b, host); service != nil {
			table = r.policies.table(service, r.root)
		}
		if b.policies.put(host, table) {
			r.rebindTo(host)
		}
	}
	for host := range declared {
		r.patterns[host] = struct{}{}
		r.problems.put(conflictKey(object.KindDestinationRule, host), r.policies.conflicts(host))
	}
}

// configured returns the Service whose DestinationRules apply to calls to a host: the host's own, or the one for which it
// is another name.
func configured(b *worldBuilder, host string) *mesh.Service {
	alias := b.aliases.get(host)
	switch {
	case alias == nil:
		return b.services.get(host)
	case alias.Service == nil:
		return nil
	}
	return alias.Service
}

func conflictKey(k object.Kind, host string) problemKey {
	return problemKey{topicConflict, object.Key{Kind: k, Name: host}}
}

func (r *rules) bindRoutes(b *worldBuilder) {
	declared := take(&r.routes.dirtyHosts)
	again := map[string]struct{}{}
	for host := range declared {
		again[host] = struct{}{}
	}
	for _, h := range r.routes.toBind() {
		if r.routes.bind(h, func(host, namespace string) mesh.Destination { return r.destination(b, host, namespace) }) {
			r.routes.relist = true
			for _, host := range h.fullHosts {
				again[host] = struct{}{}
			}
		}
		if len(h.fullHosts) == 0 {
			// It has no pattern under which checkHosts would find it.
			r.checkRoutes(b, h)
		}
	}
	take(&r.routes.dirty)
	for host := range r.ruled(b, again) {
		if b.services.get(host) != nil {
			b.routes.put(host, r.routes.table(host, b.aliases.get(host)))
		} else {
			b.routes.put(host, r.routes.servicelessTable(host, r.domain))
		}
	}
	for host := range declared {
		r.patterns[host] = struct{}{}
		r.problems.put(conflictKey(object.KindVirtualService, host), r.routes.conflicts(host, b.services.get(host)))
	}
	for host := range b.touched { // the ports of a Service decide, too
		if _, done := declared[host]; !done && len(r.routes.hosts.under(host)) > 1 {
			r.problems.put(conflictKey(object.KindVirtualService, host), r.routes.conflicts(host, b.services.get(host)))
		}
	}
}

// concerned returns the hosts that the patterns cover, the hosts whose Service changed, and the aliases of both.
func (r *rules) concerned(b *worldBuilder, patterns map[string]struct{}) map[string]struct{} {
	out := map[string]struct{}{}
	for host := range b.touched {
		out[host] = struct{}{}
	}
	for pattern := range patterns {
		for host := range r.hosts.covered(pattern) {
			out[host] = struct{}{}
		}
	}
	for host := range maps.Clone(out) {
		for _, alias := range r.aliases[host] {
			out[alias] = struct{}{}
		}
	}
	return out
}

// ruled returns the hosts whose routes the patterns affect: hosts of Services, and serviceless hosts.
func (r *rules) ruled(b *worldBuilder, patterns map[string]struct{}) map[string]struct{} {
	out := r.concerned(b, patterns)
	for pattern := range patterns {
		for host := range r.routes.declaredUnder(pattern) {
			out[host] = struct{}{}
		}
	}
	return out
}

// checkHosts looks up the Services of everything that was declared under the marked patterns.
func (r *rules) checkHosts(b *worldBuilder) {
	checked := map[*routesEntry]struct{}{}
	for pattern := range take(&r.patterns) {
		r.missing.note(pattern, r.domain, r.hosts.has(pattern) || len(r.policies.hosts.under(pattern))+len(r.routes.hosts.under(pattern)) == 0)
		for _, g := range r.policies.hosts.under(pattern) {
			r.checkRules(b, g, r.hosts.has(pattern), b.aliases.get(pattern))
		}
		for _, h := range r.routes.hosts.under(pattern) {
			if _, done := checked[h]; done {
				continue
			}
			checked[h] = struct{}{}
			r.checkRoutes(b, h)
			for _, id := range h.delegates {
				if delegate := r.routes.entries[id]; delegate != nil {
					r.problems.put(problemKey{topicPorts, delegate.key}, r.checkPorts(b, delegate))
				}
			}
		}
	}
}

func (r *rules) checkRoutes(b *worldBuilder, h *routesEntry) {
	r.problems.put(problemKey{topicHost, h.key}, slices.Concat(r.routes.check(h, r.hosts.has, r.noSuchHost, r.meant, r.domain), h.ofAliases(b), r.unseenHosts(b, h)))
	r.problems.put(problemKey{topicPorts, h.key}, r.checkPorts(b, h))
}

func (r *rules) checkRules(b *worldBuilder, g *ruleGroup, exists bool, alias *mesh.Alias) {
	r.policies.bindTo(g, exists && alias == nil)
	for _, rule := range g.rules {
		problems := r.unusedRule(b, g, rule)
		if !exists {
			problems = []mesh.Problem{r.noSuchHost(rule.key, rule.Host.Field, g.key.host, "The rule has no effect on it.")}
		}
		if alias != nil {
			problems = []mesh.Problem{r.ofAlias(alias, rule)}
		}
		r.problems.put(problemKey{topicHost, rule.key}, problems)
	}
}
