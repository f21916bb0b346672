package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// virtual is what has been translated so far for a host that no Service has and VirtualServices declare, or for the names below
// such a wildcard. Clients choose the ports, and those names, so only some of it is kept.
type virtual struct {
	routes memo[translate.HostInput, *set]
}

// maxVirtual bounds what is kept of one virtual host. What is beyond it is made each time.
const maxVirtual = 64

// defaultVirtualPort is the port that a client means which names none. There is no Service to ask; Istio's is that of HTTP.
const defaultVirtualPort = 80

// nextVirtuals returns the virtual hosts of the next World, and their wildcards with the longest first. It takes over those whose
// rules did not change.
func (s *Snapshot) nextVirtuals(world *mesh.World, changed []string) (mesh.Map[*virtual], []string) {
	set, remove := map[string]*virtual{}, []string(nil)
	for _, name := range changed {
		_, served := world.Services.Get(name)
		_, ruled := world.Routes.Get(name)
		if served || !ruled {
			remove = append(remove, name)
			continue
		}
		if _, had := s.virtuals.Get(name); !had || !same(s.world.Routes, world.Routes, name) {
			set[name] = &virtual{}
		}
	}
	isWildcard := func(name string) bool { return strings.HasPrefix(name, "*") }
	wildcards := s.wildcards
	if slices.ContainsFunc(changed, isWildcard) {
		kept := slices.DeleteFunc(slices.Clone(wildcards), func(name string) bool { return slices.Contains(remove, name) })
		wildcards = slices.Concat(kept, slices.Collect(maps.Keys(set)))
		wildcards = slices.DeleteFunc(wildcards, func(name string) bool { return !isWildcard(name) })
		slices.SortFunc(wildcards, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
		wildcards = slices.Compact(wildcards)
	}
	return s.virtuals.With(set, remove), wildcards
}

// virtualFor finds the rules for calls to a host that no Service has, as the client sees them; nil when there are none.
func (s *Snapshot) virtualFor(host string, client mesh.Client) (*virtual, *mesh.Routes) {
	v, ok := s.virtuals.Get(host)
	if !ok {
		i := slices.IndexFunc(s.wildcards, func(pattern string) bool { return strings.HasSuffix(host, pattern[1:]) })
		if i < 0 {
			return nil, nil
		}
		host = s.wildcards[i]
		v, _ = s.virtuals.Get(host)
	}
	table, _ := s.world.Routes.Get(host)
	return v, table.For(client.Namespace)
}

// virtualListener answers who dials a virtual host, on any port; nil when there is no such host.
func (s *Snapshot) virtualListener(name string, target translate.Target, client mesh.Client) *Versioned {
	_, routes := s.virtualFor(target.Host, client)
	port, ok := virtualPort(target.Port)
	if routes == nil || !ok {
		return nil
	}
	r := translate.Listener(name, translate.RouteName(port, target.Host))
	r.Refs = []mesh.Ref{routes.Ref}
	return s.admit(ListenerType, r, lint.Everybody())
}

// virtualPort reads a port as dialled. Ports have no names where there is no Service.
func virtualPort(text string) (uint32, bool) {
	if text == "" {
		return defaultVirtualPort, true
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return uint32(number), err == nil && number > 0 && text[0] != '0'
}

// virtualResource returns the routes of a virtual host, which has nothing else: its calls go to Services. It is nil when there is
// no such host.
func (s *Snapshot) virtualResource(t Type, name string, port uint32, host string, client mesh.Client) *Versioned {
	if t != RouteType {
		return nil
	}
	v, routes := s.virtualFor(host, client)
	if routes == nil {
		return nil
	}
	in := translate.HostInput{Host: host, Port: port, Routes: routes, Defaults: s.world.Defaults}
	in.Gaps = translate.Forms(client.Gaps, routes, nil)
	in.Namespace, in.Labels = callerOf(routes, client)
	made := v.routes.getUpTo(maxVirtual, in, func(in translate.HostInput) *set {
		return s.set(routes.Ref, readersOf(in), func() *translate.Bundle { return translate.Host(in) })
	})
	return made.resources[resourceKey{t, name}]
}

// virtualNames are the canonical names for the hosts without a Service that the client sees, wildcards left out. They are
// listeners and routes; nothing else has such names.
func (s *Snapshot) virtualNames(t Type, client mesh.Client) []string {
	if t != ListenerType && t != RouteType {
		return nil
	}
	var names []string
	for host := range s.virtuals.All() {
		if _, routes := s.virtualFor(host, client); routes == nil || strings.HasPrefix(host, "*") {
			continue
		}
		name := translate.RouteName(defaultVirtualPort, host)
		if t == ListenerType {
			name = translate.ListenerName(defaultVirtualPort, host)
		}
		names = append(names, name)
	}
	return names
}

// getUpTo is get for a memo that outsiders could fill: beyond the limit nothing more is remembered.
func (m *memo[I, V]) getUpTo(limit int, in I, produce func(I) V) V {
	if m.len() >= limit && !m.has(in) {
		return produce(in)
	}
	return m.get(in, produce)
}

func (m *memo[I, V]) has(in I) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.more[in]
	return ok || m.first != nil && m.first.in == in
}
