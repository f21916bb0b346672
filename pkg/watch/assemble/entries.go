package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// entryIndex keeps the hosts of ServiceEntries. They are not served: the index only tells authors that a host which a
// rule names is declared in an object that is not read.
type entryIndex struct {
	entries map[object.Key]*object.ServiceEntry
	hosts   patterns[object.Key]
	// moved means that an entry, a rule, or what hosts there are has changed.
	moved bool
}

func newEntryIndex() entryIndex {
	return entryIndex{entries: map[object.Key]*object.ServiceEntry{}, hosts: newPatterns[object.Key]()}
}

func (x *entryIndex) put(key object.Key, e *object.ServiceEntry) {
	if old := x.entries[key]; old != nil {
		for _, host := range old.Hosts {
			x.hosts.remove(host, key)
		}
		delete(x.entries, key)
	}
	if e == nil {
		return
	}
	x.entries[key] = e
	for _, host := range e.Hosts {
		x.hosts.add(host, key)
	}
}

func (x *entryIndex) each(visit func(object.Key, *object.ServiceEntry)) {
	for key, e := range x.entries {
		visit(key, e)
	}
}

// of returns a ServiceEntry that declares a host; zero if there is none.
func (x *entryIndex) of(host string) mesh.ServiceEntry {
	for _, tier := range x.hosts.tiers(host) {
		key := slices.MinFunc(tier.values, object.Key.Compare)
		return mesh.ServiceEntry{Ref: key.Ref(), Static: x.entries[key].Static}
	}
	return mesh.ServiceEntry{}
}

// putServiceEntry marks everything that names a host for checking. That is rare: only files have ServiceEntries.
func (r *rules) putServiceEntry(key object.Key, e *object.ServiceEntry) {
	if e == nil && r.entries.entries[key] == nil {
		return
	}
	r.entries.put(key, e)
	r.entries.moved = true
	for _, rule := range r.policies.rules {
		r.patterns[rule.fullHost] = struct{}{}
	}
	for _, routes := range r.routes.entries {
		r.routes.dirty[routes] = struct{}{}
		for _, host := range routes.fullHosts {
			r.patterns[host] = struct{}{}
		}
	}
}

// checkEntries reports the ServiceEntries: as a warning if rules name their hosts, and no Service has these.
func (r *rules) checkEntries(b *worldBuilder) {
	if !r.entries.moved || len(r.entries.entries) == 0 {
		return
	}
	r.entries.moved = false
	wanted := map[object.Key]map[mesh.Ref]struct{}{}
	want := func(host string, by mesh.Ref) {
		if alias := b.aliases.get(host); alias != nil {
			host = alias.Host
		}
		if b.services.get(host) != nil {
			return
		}
		for _, tier := range r.entries.hosts.tiers(host) {
			for _, key := range tier.values {
				if wanted[key] == nil {
					wanted[key] = map[mesh.Ref]struct{}{}
				}
				wanted[key][by] = struct{}{}
			}
		}
	}
	for _, rule := range r.policies.rules {
		want(rule.fullHost, rule.key.Ref())
	}
	for _, routes := range r.routes.entries {
		for _, host := range routes.fullHosts {
			want(host, routes.key.Ref())
		}
		for _, host := range routes.destinations {
			want(host, routes.key.Ref())
		}
	}
	for key, e := range r.entries.entries {
		missing := max(0, slices.IndexFunc(e.Hosts, func(host string) bool { return b.services.get(host) == nil }))
		r.problems.put(problemKey{topicHost, key}, []mesh.Problem{r.entryProblem(key, e, missing, slices.SortedFunc(maps.Keys(wanted[key]), mesh.Ref.Compare))})
	}
}

// maxNamed is how many rules a message names.
const maxNamed = 4

// entryProblem is the Problem of a ServiceEntry on which rules depend. missing is the index of a host without a Service.
func (r *rules) entryProblem(key object.Key, e *object.ServiceEntry, missing int, by []mesh.Ref) mesh.Problem {
	p := mesh.Problem{
		Code: mesh.CodeUnknownKind, Severity: mesh.Info, Object: key.Ref(),
		Message: "ServiceEntries are not read. The object has no effect here, and no rule depends on it.",
	}
	if len(by) == 0 {
		return p
	}
	names := make([]string, 0, maxNamed)
	for _, ref := range by[:min(len(by), maxNamed)] {
		names = append(names, ref.String())
	}
	if rest := len(by) - maxNamed; rest > 0 {
		names = append(names, fmt.Sprintf("%d others", rest))
	}
	p.Severity, p.Field = mesh.Warning, "spec.hosts"
	p.Message = fmt.Sprintf("ServiceEntries are not read, but %s depends on the hosts of this one. Calls to them fail, or settings for them have no effect. "+
		"%s", strings.Join(names, " and "), mesh.ServiceEntry{Ref: key.Ref(), Static: e.Static}.WayOut(e.Hosts[missing], r.domain, "the rules"))
	if len(by) > 1 {
		p.Message = strings.Replace(p.Message, " depends on ", " depend on ", 1)
	}
	return p
}
