package snapshot

import (
	"net/netip"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// An Envoy that declares an address for egress has one Listener there. What other clients find by the Listener of a name, it finds by
// the scope of that name. It looks scopes up as they are, so each spelling of a host has one, and all of them lead to the same routes.

// egress returns where an Envoy states that it listens for the calls of applications beside it; empty unless that is on loopback.
func egress(kind mesh.ClientKind, declared *structpb.Value) string {
	at, err := netip.ParseAddrPort(text(declared))
	if err != nil || kind.Family() != mesh.FamilyEnvoy || !onLoopback(at) {
		return ""
	}
	return at.String()
}

// onLoopback reports whether the address is one of the machine itself, written without a zone and not as IPv4 in IPv6.
func onLoopback(at netip.AddrPort) bool {
	return at.Addr().IsLoopback() && at.Addr().Zone() == "" && !at.Addr().Is4In6() && at.Port() != 0
}

func noKeys(_ query, _ string, keys []mesh.Key) []mesh.Key { return keys }

// answerEgress answers all names of Listeners of Envoys.
func answerEgress(_ *Snapshot, q query) (*Versioned, bool) {
	if q.t != ListenerType || q.client.Egress == "" {
		return nil, false
	}
	at, err := netip.ParseAddrPort(q.client.Egress)
	if err != nil || q.name != resource.EgressListener {
		return nil, true
	}
	v, err := newVersioned(q.t, translate.Egress(at))
	return v, err == nil
}

// appendName appends the canonical name of a port of a host; of a scope, all of its names.
func (s *Snapshot) appendName(names []string, t Type, client mesh.Client, host string, h *subject, port uint32) []string {
	if t != ScopeType {
		return append(names, t.info().name(port, host))
	}
	bare := port == defaultServicelessPort
	if !h.serviceless() {
		byDefault, ok := h.dialedPort(query{client: client})
		bare = ok && byDefault == port
	}
	for _, dialed := range s.spellings(host, client, h) {
		if names = append(names, resource.ListenerName(port, dialed)); bare {
			names = append(names, dialed)
		}
	}
	return names
}

// spellings returns the names of a host, and its addresses, as they are written in URIs.
func (s *Snapshot) spellings(host string, client mesh.Client, h *subject) []string {
	all := resource.Spellings(host, client.Namespace, s.world.Domain)
	if h.serviceless() {
		return all
	}
	for _, address := range h.facts.Service.Addresses {
		if owner, ok := s.world.Addresses.Get(address); !ok || owner.Host != host {
			continue
		}
		if strings.Contains(address, ":") {
			address = "[" + address + "]"
		}
		all = append(all, address)
	}
	return all
}
