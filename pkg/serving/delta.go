package serving

import (
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// DeltaRequest serves a request of the incremental protocol. One for a type that is not served is left alone.
func (s *Session) DeltaRequest(req *discoveryv3.DeltaDiscoveryRequest) {
	t := snapshot.Type(req.GetTypeUrl())
	if !t.Known() {
		return
	}
	s.mu.Lock()
	s.delta = true
	sub, first := s.subscription(t)
	sub.idle = false
	if req.GetResponseNonce() != "" {
		sub.handleAck(req.GetErrorDetail())
	}
	names, wildcard, givenUp := sub.changedNames(req)
	same := !first && sub.hasExactly(names, wildcard)
	s.mu.Unlock()

	if !same {
		sub.setNames(names, wildcard)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		sub.recordInitialVersions(req.GetInitialResourceVersions())
	} else {
		// Who subscribes to a name a second time wants it a second time.
		sub.resend(req.GetResourceNamesSubscribe())
	}
	sub.resend(givenUp)
	if first && wildcard || sub.hasUnknownNames(req.GetResourceNamesSubscribe()) {
		sub.force = true
	}
	if !s.closed {
		sub.requestServed()
	}
}

// changedNames is what a request makes of the subscription. A name given up that a wildcard still stands for must be sent or removed once more.
// The caller holds Session.mu.
func (sub *subscription) changedNames(req *discoveryv3.DeltaDiscoveryRequest) (names []string, wildcard bool, givenUp []string) {
	add, drop := req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe()
	if sub.implicitWildcard && len(add) == 0 {
		return nil, true, nil
	}
	// Who named nothing before, and so had everything, goes on having it.
	wildcard, sub.implicitWildcard = sub.wildcard, false
	set := map[string]struct{}{}
	for _, name := range slices.Concat(sub.explicitNames(), add) {
		set[name] = struct{}{}
	}
	if _, ok := set[wildcardName]; ok {
		wildcard = true
	}
	for _, name := range drop {
		if name == wildcardName {
			wildcard = false
		} else if _, ok := set[name]; ok && wildcard {
			givenUp = append(givenUp, name)
		}
		delete(set, name)
	}
	delete(set, wildcardName)
	return slices.Sorted(maps.Keys(set)), wildcard, givenUp
}

// explicitNames lists, sorted, what the client named. The caller holds Session.mu.
func (sub *subscription) explicitNames() []string {
	names := make([]string, 0, len(sub.entries))
	for _, e := range sub.entries {
		if e.explicit {
			names = append(names, e.name)
		}
	}
	return names
}

// recordInitialVersions records what a returning client says it holds, of what it asks for. The caller holds Session.mu.
func (sub *subscription) recordInitialVersions(versions map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		v := snapshot.Claimed(name, versions[name])
		e := sub.entry(name)
		if e == nil {
			if !sub.wildcard {
				continue
			}
			// It is gone meanwhile.
			e = &entry{sub: sub, name: name}
			i, _ := slices.BinarySearchFunc(sub.entries, e, byName)
			sub.entries = slices.Insert(sub.entries, i, e)
		}
		e.assumeHeld(v)
	}
}

// resend makes names be sent again, or said again to stand for nothing. That the client was told of them stays known: who has a wildcard
// must hear of it when they go. The caller holds Session.mu.
func (sub *subscription) resend(names []string) {
	for _, name := range names {
		if e := sub.entry(name); e != nil {
			unanswerable := e.explicit && e.current == nil
			e.sent, e.removalSent = nil, e.everSent() && !unanswerable
		}
	}
}

// hasUnknownNames says whether a name just subscribed to cannot be answered, which this protocol has a word for. The caller holds Session.mu.
func (sub *subscription) hasUnknownNames(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		e := sub.entry(name)
		return e != nil && e.explicit && e.current == nil
	})
}
