package serving

import (
	"maps"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// DeltaRequest serves a request of the incremental protocol. A request for a type that is not served is ignored.
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
	var names, givenUp []string
	var wildcard bool
	// Most requests only acknowledge a response.
	same := !first && len(req.GetResourceNamesSubscribe())+len(req.GetResourceNamesUnsubscribe()) == 0
	if !same {
		names, wildcard, givenUp = sub.changedNames(req)
		same = !first && sub.hasExactly(names, wildcard)
	}
	s.mu.Unlock()

	if !same {
		sub.setNames(names, wildcard)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		sub.recordInitialVersions(req.GetInitialResourceVersions())
		if t == snapshot.EndpointType {
			s.warm()
		}
	} else {
		// A client that subscribes to a name again must be sent it again.
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

// changedNames returns the names of the subscription after the request. givenUp are unsubscribed names that a
// wildcard still contains; they must be sent or removed once more. The caller holds Session.mu.
func (sub *subscription) changedNames(req *discoveryv3.DeltaDiscoveryRequest) (names []string, wildcard bool, givenUp []string) {
	add, drop := req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe()
	if sub.implicitWildcard && len(add) == 0 {
		return nil, true, nil
	}
	// A client that named no resource before, and so had all, keeps them.
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

// explicitNames returns, sorted, the names that the client subscribes to itself. The caller holds Session.mu.
func (sub *subscription) explicitNames() []string {
	names := make([]string, 0, len(sub.entries))
	for _, e := range sub.entries {
		if e.explicit {
			names = append(names, e.name)
		}
	}
	return names
}

// recordInitialVersions records the versions that a returning client claims to have of what it subscribes to. The
// caller holds Session.mu.
func (sub *subscription) recordInitialVersions(versions map[string]string) {
	if s := sub.session; len(versions) > 0 && s.returnedAt.IsZero() {
		s.returnedAt = time.Now()
	}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		v := snapshot.Claimed(name, versions[name])
		e := sub.entry(name)
		if e == nil {
			if !sub.wildcard {
				continue
			}
			// It no longer exists.
			e = &entry{sub: sub, name: name}
			i, _ := slices.BinarySearchFunc(sub.entries, e, byName)
			sub.entries = slices.Insert(sub.entries, i, e)
		}
		if e.current != nil && e.current.Version == v.Version {
			v = e.current // A claim does not say which Clusters routes name.
		}
		e.assumeHeld(v)
	}
}

// resend makes the names due to be sent, or reported as not existing, once more. removalSent preserves that the
// client was sent something, because a client with a wildcard must be sent the removal of these names. The caller
// holds Session.mu.
func (sub *subscription) resend(names []string) {
	for _, name := range names {
		if e := sub.entry(name); e != nil {
			unanswerable := e.explicit && e.current == nil
			e.sent, e.removalSent = nil, e.everSent() && !unanswerable
		}
	}
}

// hasUnknownNames reports whether one of the newly subscribed names cannot be answered. This protocol can express
// that. The caller holds Session.mu.
func (sub *subscription) hasUnknownNames(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		e := sub.entry(name)
		return e != nil && e.explicit && e.current == nil
	})
}
