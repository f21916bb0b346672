package assemble

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// egressIndex reports entries of Sidecars that stand for no host. There may be thousands of entries and of hosts, so they are
// not compared each time: an entry remembers one host that it stands for.
type egressIndex struct {
	domain  string
	entries map[object.Key][]*egressEntry
	// byWitness finds the entries by the host that they remember. Of those without one, lost are the wildcards, and named finds the
	// others by the hosts that their Problems depend on. fresh must be looked up among all hosts.
	byWitness, named entriesByHost
	lost, fresh      map[*egressEntry]struct{}
	// dirty are the Sidecars whose Problems may have changed.
	dirty map[object.Key]struct{}
}

// egressEntry is one entry of a Sidecar.
type egressEntry struct {
	mesh.EgressHost

	key object.Key
	// clients is the namespace of the clients; empty for any.
	clients  string
	excludes bool
	witness  string
}

func newEgressIndex(domain string) egressIndex {
	return egressIndex{
		domain: domain, entries: map[object.Key][]*egressEntry{}, byWitness: entriesByHost{}, named: entriesByHost{},
		lost: map[*egressEntry]struct{}{}, fresh: map[*egressEntry]struct{}{}, dirty: map[object.Key]struct{}{},
	}
}

// put replaces the entries of a Sidecar.
func (x *egressIndex) put(key object.Key, lists []mesh.EgressHosts, clients string) {
	x.remove(key)
	add := func(hosts []mesh.EgressHost, excludes bool) {
		for _, host := range hosts {
			if host.Host == "*" && (host.Namespace == mesh.AnyNamespace || host.Namespace == mesh.OwnNamespace) {
				continue // It names nothing.
			}
			e := &egressEntry{EgressHost: host, key: key, clients: clients, excludes: excludes}
			x.entries[key] = append(x.entries[key], e)
			x.fresh[e] = struct{}{}
		}
	}
	for _, list := range lists {
		add(list.Imported, false)
		add(list.Excluded, true)
	}
	x.dirty[key] = struct{}{}
}

func (x *egressIndex) remove(key object.Key) {
	for _, e := range x.entries[key] {
		x.forget(e)
		delete(x.fresh, e)
	}
	delete(x.entries, key)
	delete(x.dirty, key)
}

// check compares entries with the hosts of the World that is being built, and returns the Problems of the Sidecars for which
// they may have changed.
func (x *egressIndex) check(b *worldBuilder) map[object.Key][]mesh.Problem {
	moved := map[string]struct{}{}
	for host := range b.services.next {
		moved[host] = struct{}{}
	}
	for host := range b.routes.next {
		moved[host] = struct{}{}
	}
	for host := range moved {
		for e := range x.byWitness[host] {
			if !e.standsFor(b, host) {
				x.fresh[e] = struct{}{}
			}
		}
	}
	for e := range x.concerned(moved) {
		host := e.find(b, maps.Keys(moved))
		if host != "" || !mesh.IsWildcard(e.Host) { // The message about a name depends on other hosts.
			x.dirty[e.key] = struct{}{}
			x.remember(e, host)
		}
	}
	search := egressSearch{b: b, found: map[mesh.EgressHost]string{}}
	for e := range take(&x.fresh) {
		x.remember(e, search.find(e))
		x.dirty[e.key] = struct{}{}
	}
	problems := map[object.Key][]mesh.Problem{}
	for key := range take(&x.dirty) {
		problems[key] = nil
		for _, e := range x.entries[key] {
			if e.witness == "" {
				problems[key] = append(problems[key], e.problem(b, x.domain))
			}
		}
	}
	return problems
}

// concerned returns the entries without a host that may have one now, or another Problem. There may be very many without.
func (x *egressIndex) concerned(moved map[string]struct{}) map[*egressEntry]struct{} {
	found := map[*egressEntry]struct{}{}
	if len(moved) > 0 {
		maps.Copy(found, x.lost)
	}
	for key := range moved {
		host, _, _ := mesh.CutHostIn(key)
		if maps.Copy(found, x.named[host]); !mesh.IsWildcard(host) {
			continue
		}
		for name, entries := range x.named {
			if mesh.Covers(host, name) {
				maps.Copy(found, entries)
			}
		}
	}
	return found
}

// full is the host that the author probably means by a name.
func (e *egressEntry) full(domain string) string {
	namespace := e.namespace()
	if namespace == mesh.AnyNamespace {
		namespace = e.key.Namespace
	}
	return mesh.FullHost(e.Host, namespace, domain)
}

// remember records a host that an entry stands for; empty if there is none.
func (x *egressIndex) remember(e *egressEntry, host string) {
	x.forget(e)
	switch e.witness = host; {
	case host == "" && mesh.IsWildcard(e.Host):
		x.lost[e] = struct{}{}
		return
	case host == "":
		x.named.add(e.Host, e)
		x.named.add(e.full(x.domain), e)
		return
	}
	x.byWitness.add(host, e)
}

func (x *egressIndex) forget(e *egressEntry) {
	delete(x.lost, e)
	x.named.remove(e.Host, e)
	x.named.remove(e.full(x.domain), e)
	x.byWitness.remove(e.witness, e)
}

// entriesByHost are sets of entries, by a host. Very many may have one.
type entriesByHost map[string]map[*egressEntry]struct{}

func (m entriesByHost) add(host string, e *egressEntry) {
	if m[host] == nil {
		m[host] = map[*egressEntry]struct{}{}
	}
	m[host][e] = struct{}{}
}

func (m entriesByHost) remove(host string, e *egressEntry) {
	if delete(m[host], e); len(m[host]) == 0 {
		delete(m, host)
	}
}

// egressSearch looks entries up among all hosts. Many Sidecars have the same entries, and most entries name a namespace.
type egressSearch struct {
	b *worldBuilder
	// byNamespace has the hosts that the objects of each namespace declare; nil until it is needed.
	byNamespace map[string][]string
	// found is what was found for entries with wildcards, with the namespace in place of OwnNamespace, and without the field.
	found map[mesh.EgressHost]string
}

func (s *egressSearch) find(e *egressEntry) string {
	if !mesh.IsWildcard(e.Host) {
		return e.find(s.b, nil)
	}
	same := mesh.EgressHost{Namespace: e.namespace(), Host: e.Host}
	host, known := s.found[same]
	if !known {
		host = e.find(s.b, s.hosts(same.Namespace))
		s.found[same] = host
	}
	return host
}

// hosts yields the hosts that objects of a namespace declare; all hosts if it is that of any.
func (s *egressSearch) hosts(namespace string) iter.Seq[string] {
	if namespace == mesh.AnyNamespace {
		return s.b.hosts()
	}
	if s.byNamespace == nil {
		s.byNamespace = map[string][]string{}
		for host := range s.b.hosts() {
			if service := s.b.services.get(host); service != nil {
				s.byNamespace[service.Ref.Namespace] = append(s.byNamespace[service.Ref.Namespace], host)
			}
			if rules := s.b.routes.get(host); rules != nil {
				for _, c := range rules.Candidates {
					owner := c.VirtualService.Ref.Namespace
					s.byNamespace[owner] = append(s.byNamespace[owner], host)
				}
			}
		}
	}
	return slices.Values(s.byNamespace[namespace])
}

// namespace returns the namespace that the entry names, or AnyNamespace.
func (e *egressEntry) namespace() string {
	switch {
	case e.Namespace != mesh.OwnNamespace:
		return e.Namespace
	case e.clients == "":
		return mesh.AnyNamespace
	}
	return e.clients
}

// find returns a host that the entry stands for, one of hosts if it is a wildcard; empty if there is none.
func (e *egressEntry) find(b *worldBuilder, hosts iter.Seq[string]) string {
	if !mesh.IsWildcard(e.Host) {
		hosts = e.places()
	}
	for host := range hosts {
		if e.standsFor(b, host) {
			return host
		}
	}
	return ""
}

// places yields where in a World the host of the entry may be found: under its name, under that of a namespace, and under
// wildcards.
func (e *egressEntry) places() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(e.Host) || !yield(mesh.HostIn(e.Host, e.Namespace)) || !yield(mesh.HostIn(e.Host, e.clients)) {
			return
		}
		for rest := e.Host; ; {
			_, parent, below := strings.Cut(rest, ".")
			if !below {
				return
			}
			if rest = parent; !yield("*."+rest) || !yield(mesh.HostIn("*."+rest, e.Namespace)) || !yield(mesh.HostIn("*."+rest, e.clients)) {
				return
			}
		}
	}
}

// standsFor reports whether a Service or a VirtualService declares a host of a World, as the entry says. Compiled rules
// declare no hosts.
func (e *egressEntry) standsFor(b *worldBuilder, host string) bool {
	if s := b.services.get(host); s != nil && e.MatchesRules(e.clients, s.Ref.Namespace, s.Host) {
		return true
	}
	rules := b.routes.get(host)
	return rules != nil && slices.ContainsFunc(rules.Candidates, func(c mesh.VirtualServiceCandidate) bool {
		return !c.VirtualService.Compiled() && e.MatchesRules(e.clients, c.VirtualService.Ref.Namespace, c.Host)
	})
}

// problem reports an entry that stands for no host.
func (e *egressEntry) problem(b *worldBuilder, domain string) mesh.Problem {
	p := mesh.Problem{Code: mesh.CodeNoSuchHost, Severity: mesh.Warning, Object: e.key.Ref(), Field: e.Field}
	effect := "The entry imports nothing."
	if e.excludes {
		effect = "The entry excludes nothing."
	}
	from := fmt.Sprintf("in namespace %q", e.namespace())
	if e.namespace() == mesh.AnyNamespace {
		from = "in any namespace"
	}
	full := e.full(domain)
	declared := b.services.get(full)
	switch {
	case mesh.IsWildcard(e.Host):
		p.Severity = mesh.Info // Hosts may come.
		p.Message = fmt.Sprintf("No Service, ServiceEntry or VirtualService %s declares a host of %s. %s Correct the entry if it should.", from, e.Host, effect)
		return p
	case declared == nil:
		create := "Create a ServiceEntry for it"
		if inServiceDomain(full, domain) {
			create = "Create the Service"
		}
		p.Message = fmt.Sprintf("No Service, ServiceEntry or VirtualService %s declares the host %s. %s %s, or correct the entry.", from, e.Host, effect, create)
		return p
	}
	p.Message = fmt.Sprintf("No Service, ServiceEntry or VirtualService %s declares the host %s. %s Write \"%s/%s\" if you mean that %s.", from, e.Host, effect, declared.Ref.Namespace, declared.Host, declared.Ref.Kind)
	return p
}
