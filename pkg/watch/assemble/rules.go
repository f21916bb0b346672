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
	hosts      hostSet
	policies   policyIndex
	routes     routeIndex
	attached   attachedIndex
	backendTLS backendTLSIndex
	authored   authoredIndex
	// shares are the parts of the clients that follow the rules of which there are two versions.
	shares map[object.Key]mesh.Share
	// aliases finds the other names of a Service, by its host.
	aliases  index[string, string]
	problems *problemIndex
	// patterns must be compared with the hosts again, because either side changed.
	patterns map[string]struct{}
	missing  missingHosts
	// below finds the destinations that are names below the wildcard of a Service.
	below index[string, string]
	names map[nameBelow]namedService
	// unmet are the destinations without a Service.
	unmet map[string]struct{}
}

func newRules(o Options, hosts hostSet, problems *problemIndex) *rules {
	return &rules{
		domain: o.Domain, root: o.RootNamespace, hosts: hosts, problems: problems,
		policies: newPolicyIndex(), routes: newRouteIndex(), attached: newAttachedIndex(), backendTLS: newBackendTLSIndex(), authored: authoredIndex{}, shares: map[object.Key]mesh.Share{}, below: index[string, string]{}, names: map[nameBelow]namedService{}, aliases: index[string, string]{},
		patterns: map[string]struct{}{}, missing: missingHosts{}, unmet: map[string]struct{}{},
	}
}

// indexes returns the indexes of the kinds of rules.
func (r *rules) indexes() kindIndexes {
	return kindIndexes{
		object.KindDestinationRule:  indexOf(r.putDestinationRule, r.policies.each),
		object.KindVirtualService:   indexOf(r.putVirtualService, r.routes.each),
		object.KindGRPCRoute:        indexOf(r.putRoute, r.attached.each(object.KindGRPCRoute)),
		object.KindHTTPRoute:        indexOf(r.putRoute, r.attached.each(object.KindHTTPRoute)),
		object.KindBackendTLSPolicy: indexOf(r.putBackendTLSPolicy, r.backendTLS.each),
	}
}

// size is how many rules there are.
func (r *rules) size() int {
	return len(r.policies.rules) + len(r.routes.entries) + len(r.attached.routes) + len(r.backendTLS.policies)
}

func (r *rules) putDestinationRule(key object.Key, d *object.DestinationRule) {
	r.policies.put(key, d, r.shares[key], r.domain)
}

func (r *rules) putVirtualService(key object.Key, v *object.VirtualService) {
	r.routes.put(key, v, r.shares[key], r.domain)
}

// apply binds again what changed since the last World, and what depends on Services that changed. The order of its
// steps matters: policies first, then routes, which refer to Services and policies.
func (r *rules) apply(b *worldBuilder) {
	for host := range b.touched {
		r.rebindTo(host)
		for _, tier := range r.routes.hosts.tiers(host, r.hosts[host]) { // Their matches may name ports of the Service.
			r.patterns[tier.pattern] = struct{}{}
		}
		for _, tier := range r.policies.hosts.tiers(host, r.hosts[host]) { // Clients that see them may not see the Service.
			r.patterns[tier.pattern] = struct{}{}
		}
	}
	for host := range b.regrouped {
		r.rebindTo(host)
		for _, alias := range r.aliases[host] {
			r.rebindTo(alias)
		}
	}
	for host := range b.moved {
		r.patterns[host] = struct{}{}
		r.hostMoved(b, host)
	}
	for host := range b.aliases.next {
		r.patterns[host] = struct{}{}
	}
	if len(b.moved) > 0 {
		maps.Copy(r.patterns, r.missing)
		for host := range r.unmet {
			r.rebindTo(host)
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
	if len(b.moved)+len(r.routes.dirtyTargets) > 0 {
		r.forget(b)
	}
}

// hostMoved follows a host that came or went.
func (r *rules) hostMoved(b *worldBuilder, host string) {
	if mesh.IsWildcard(host) {
		for name := range r.routes.byDestination {
			if mesh.Covers(host, name) {
				r.rebindTo(name) // A shorter wildcard may have covered it.
			}
		}
		for name := range r.attached.byDestination {
			if mesh.Covers(host, name) {
				r.rebindTo(name)
			}
		}
	}
	if plain, _, variant := mesh.CutHostIn(host); variant {
		if b.services.get(host) != nil {
			r.aliases.add(plain, host) // The rules for the host are for this one, too.
		} else {
			r.aliases.remove(plain, host)
		}
	}
}

// rebindTo marks the VirtualServices and Routes that send calls to a host, or to a name below it, for binding.
func (r *rules) rebindTo(host string) {
	host, _, _ = mesh.CutHostIn(host)
	r.attached.rebindTo(host)
	for _, h := range r.routes.byDestination[host] {
		r.routes.dirty[h] = struct{}{}
	}
	for _, name := range r.below[host] {
		r.attached.rebindTo(name)
		for _, h := range r.routes.byDestination[name] {
			r.routes.dirty[h] = struct{}{}
		}
	}
}

func (r *rules) bindPolicies(b *worldBuilder) {
	r.policies.merge(r.problems)
	declared := take(&r.policies.dirtyHosts)
	evaluated := maps.Clone(declared)
	maps.Copy(evaluated, r.bindBackendTLS(b))
	for host := range r.concerned(b, evaluated) {
		var table *mesh.DestinationRuleSet
		if service := configured(b, host); service != nil {
			table = r.backendTLS.extend(service, r.root, r.policies.table(service, shortName(service, r.domain), r.root))
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
	attached := r.bindAttached(b)
	r.recheckPatterns(attached, declared)
	again := maps.Clone(attached)
	for host := range declared {
		again[host] = struct{}{}
	}
	for _, h := range r.routes.toBind() {
		if r.routes.bind(h, func(host, namespace string) mesh.Destination { return r.destination(b, host, namespace) }) {
			r.routes.relist = true
			for _, host := range h.fullHosts {
				again[host] = struct{}{}
				attached[host] = struct{}{} // Its delegates decide which calls it leaves to others.
			}
		}
		if len(h.fullHosts) == 0 {
			// It has no pattern under which checkHosts would find it.
			r.checkRoutes(b, h)
		}
	}
	take(&r.routes.dirty)
	for host := range r.ruled(b, again) {
		plain, _, variant := mesh.CutHostIn(host)
		switch {
		case b.services.get(host) != nil:
			b.routes.put(host, r.routes.table(plain, shortName(b.services.get(host), r.domain), b.aliases.get(host), r.attached.candidates))
		case variant:
			b.routes.put(host, nil)
		default:
			b.routes.put(host, r.routes.servicelessTable(host, r.domain))
		}
	}
	for host := range declared {
		r.patterns[host] = struct{}{}
		attached[host] = struct{}{}
	}
	for host := range b.touched { // the ports of a Service decide, too
		if len(r.routes.hosts.under(host)) > 0 {
			attached[host] = struct{}{}
		}
	}
	for host := range attached {
		r.problems.put(conflictKey(object.KindVirtualService, host), slices.Concat(r.routes.conflicts(host, b.services.get(host), r.attached.candidates(host)), r.outrankedRoutes(host)))
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
		for host := range r.hosts.shortCovered(pattern, r.domain) {
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
	r.problems.put(problemKey{topicHost, h.key}, slices.Concat(r.routes.check(h, r.hosts.has, r.noSuchHost, r.meant, r.domain), h.ofAliases(b), r.unseenHosts(b, h), r.outrankedPatterns(h)))
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
