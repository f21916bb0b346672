package snapshot

import (
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// Request serves a request of the state-of-the-world protocol. One that answers an older response than the last is left alone: the
// client's answer to the last one says all that it says. So is one for a type that is not served. The names in it are put in order.
func (s *Session) Request(req *discoveryv3.DiscoveryRequest) {
	t := Type(req.GetTypeUrl())
	if !t.Known() {
		return
	}
	s.mu.Lock()
	sub, first := s.subscription(t)
	if sub.nonce != "" && sub.nonce != req.GetResponseNonce() {
		s.mu.Unlock()
		return
	}
	// A response that waits to be sent is made again, from what the client asks for now.
	sub.nonce, sub.armed, sub.due = "", false, false
	if !first {
		sub.answered(req.GetErrorDetail())
	}
	names, wildcard := sub.meant(req.GetResourceNames())
	same := sub.standsFor(names, wildcard)
	s.mu.Unlock()

	narrowed := !same && sub.ask(names, wildcard)

	s.mu.Lock()
	defer s.mu.Unlock()
	if narrowed && t != ListenerType {
		sub.confirmLater()
	}
	if first {
		sub.greet(req.GetVersionInfo())
	}
	if !s.closed {
		sub.serve()
	}
}

// meant says what a list of names stands for. The caller holds Session.mu.
func (sub *subscription) meant(names []string) (explicit []string, wildcard bool) {
	if sub.legacy && len(names) == 0 {
		return nil, true
	}
	sub.legacy = false
	return withoutWildcard(names)
}

// standsFor says whether the subscription is to exactly these names, sorted. The caller holds Session.mu.
func (sub *subscription) standsFor(names []string, wildcard bool) bool {
	if wildcard != sub.wildcard {
		return false
	}
	i := 0
	for _, e := range sub.entries {
		if !e.named {
			continue
		}
		if i == len(names) || names[i] != e.name {
			return false
		}
		i++
	}
	return i == len(names)
}

// greet serves the first request of a stream for a type, by a client that says which version it has.
//
// Who returns and holds everything is sent nothing, but must hear something: a client with several control planes goes back to its first
// only once that one has answered, and one whose streams end unanswered waits longer before the next. So its first request for routes or
// endpoints gets a response without any; and where the listeners lead to no routes, so that there will be no such request, they are sent.
func (sub *subscription) greet(version string) {
	resumed := version != "" && sub.resume(version)
	switch {
	case sub.wildcard:
		// It waits for word even of nothing.
		sub.must = !resumed
	case !resumed || sub.session.heard:
	case sub.t == ListenerType:
		sub.must = sub.leadsNowhere()
	case !sub.t.FullState():
		sub.must = true
	}
}

// leadsNowhere says whether a name is asked for that stands for nothing.
func (sub *subscription) leadsNowhere() bool {
	for _, e := range sub.entries {
		if e.now != nil && e.now.absent {
			return true
		}
	}
	return false
}
