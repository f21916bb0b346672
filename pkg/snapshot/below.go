package snapshot

import (
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// answerBelow answers for a name below the wildcard of a ServiceEntry.
func answerBelow(s *Snapshot, q query) (*Versioned, bool) {
	h, ok := s.serviceBelow(q.dialed.Host, q.client)
	if !ok {
		return nil, false
	}
	return h.answerPort(s, q)
}

// serviceBelow finds the Service of a name below a wildcard: the longest that the client can see.
func (s *Snapshot) serviceBelow(host string, client mesh.Client) (*subject, bool) {
	for _, pattern := range s.wildcards {
		if !mesh.Covers(pattern, host) {
			continue
		}
		if h, ok := s.serviceAs(pattern, host, client); ok {
			return h.below(s, pattern, host), true
		}
	}
	return nil, false
}

// servicelessWildcard finds the longest wildcard without a Service that matches a name.
func (s *Snapshot) servicelessWildcard(host string) (pattern string, h *subject, ok bool) {
	for _, pattern := range s.wildcards {
		if h, ok := s.subjects.Get(pattern); ok && h.serviceless() && strings.HasSuffix(host, pattern[1:]) {
			return pattern, h, true
		}
	}
	return "", nil, false
}

// namesFor returns the names below the wildcard that the next subject takes over: all or none.
func (h *subject) namesFor(next translate.Facts, none *memo[nameBelow, *subject]) *memo[nameBelow, *subject] {
	if h.facts.Endpoints == next.Endpoints && sameRules(h.facts, next) && h.facts.Groups == next.Groups {
		return h.names
	}
	return none
}

// nameBelow is a name below a wildcard, and the VirtualServices that apply to it.
type nameBelow struct {
	host            string
	virtualServices *mesh.VirtualServiceSet
}

// below returns a name below the wildcard of a Service as a subject. Clients choose the name, so that a bounded number is
// kept. VirtualServices for that name, or for a longer wildcard, take precedence over those for the wildcard.
func (h *subject) below(s *Snapshot, pattern, host string) *subject {
	key := nameBelow{host, h.facts.VirtualServices}
	if exact, ok := s.subjects.Get(host); ok {
		key.virtualServices = exact.facts.VirtualServices
	} else if longer, rules, ok := s.servicelessWildcard(host); ok && len(longer) > len(pattern) {
		key.virtualServices = rules.facts.VirtualServices
	}
	return h.names.getUpTo(maxServiceless, key, func(key nameBelow) *subject {
		facts := h.facts
		facts.Service, facts.VirtualServices = h.facts.Service.Below(key.host), key.virtualServices
		return newSubject(facts)
	})
}
