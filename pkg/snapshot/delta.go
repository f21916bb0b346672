package snapshot

import (
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// DeltaRequest serves a request of the incremental protocol. One for a type that is not served is left alone.
func (s *Session) DeltaRequest(req *discoveryv3.DeltaDiscoveryRequest) {
	t := Type(req.GetTypeUrl())
	if !t.Known() {
		return
	}
	s.mu.Lock()
	s.delta = true
	sub, first := s.subscription(t)
	sub.armed = false
	if req.GetResponseNonce() != "" {
		sub.answered(req.GetErrorDetail())
	}
	names, wildcard, givenUp := sub.edited(req)
	same := !first && sub.standsFor(names, wildcard)
	s.mu.Unlock()

	if !same {
		sub.ask(names, wildcard)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		sub.remember(req.GetInitialResourceVersions())
	} else {
		// Who subscribes to a name a second time wants it a second time.
		sub.forget(req.GetResourceNamesSubscribe())
	}
	sub.forget(givenUp)
	if first && wildcard || sub.absentees(req.GetResourceNamesSubscribe()) {
		sub.must = true
	}
	if !s.closed {
		sub.serve()
	}
}

// edited is what a request makes of the subscription. A name given up that a wildcard still stands for must be sent or removed once more.
// The caller holds Session.mu.
func (sub *subscription) edited(req *discoveryv3.DeltaDiscoveryRequest) (names []string, wildcard bool, givenUp []string) {
	add, drop := req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe()
	if sub.legacy && len(add) == 0 {
		return nil, true, nil
	}
	// Who named nothing before, and so had everything, goes on having it.
	wildcard, sub.legacy = sub.wildcard, false
	set := map[string]struct{}{}
	for _, name := range slices.Concat(sub.named(), add) {
		set[name] = struct{}{}
	}
	if _, ok := set[everything]; ok {
		wildcard = true
	}
	for _, name := range drop {
		if name == everything {
			wildcard = false
		} else if _, ok := set[name]; ok && wildcard {
			givenUp = append(givenUp, name)
		}
		delete(set, name)
	}
	delete(set, everything)
	return slices.Sorted(maps.Keys(set)), wildcard, givenUp
}

// named lists, sorted, what the client named. The caller holds Session.mu.
func (sub *subscription) named() []string {
	names := make([]string, 0, len(sub.entries))
	for _, e := range sub.entries {
		if e.named {
			names = append(names, e.name)
		}
	}
	return names
}

// remember records what a returning client says it holds, of what it asks for. The caller holds Session.mu.
func (sub *subscription) remember(versions map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		v := &Versioned{Name: name, Version: versions[name], sum: sumOf(name, versions[name])}
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
		e.holds(v)
	}
}

// forget makes names be sent again, or said again to stand for nothing. That the client was told of them stays known: who has a wildcard
// must hear of it when they go. The caller holds Session.mu.
func (sub *subscription) forget(names []string) {
	for _, name := range names {
		if e := sub.entry(name); e != nil {
			unanswerable := e.named && e.now == nil
			e.sent, e.missed = nil, e.told() && !unanswerable
		}
	}
}

// absentees says whether a name just subscribed to cannot be answered, which this protocol has a word for. The caller holds Session.mu.
func (sub *subscription) absentees(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		e := sub.entry(name)
		return e != nil && e.named && e.now == nil
	})
}
