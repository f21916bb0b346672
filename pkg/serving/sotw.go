package serving

import (
	"slices"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Request is a request of the state-of-the-world protocol.
type Request struct {
	Type snapshot.Type
	// Names are all names that the client subscribes to.
	Names []string
	// Version is the version of the response that the client last accepted. Nonce is the nonce of the response that
	// this request answers, if any.
	Version, Nonce string
	// Refusal is why the client rejects that response; nil if it accepts it.
	Refusal *statuspb.Status
}

// Request serves a request. It sorts req.Names, and keeps nothing from the request except strings. A request for a
// type that is not served is ignored. A request that answers an older response than the last one (a stale nonce) only
// changes the names, and gets no response: the client's answer to the last response is on its way. See ignored.go for
// clients that do not answer.
func (s *Session) Request(req *Request) {
	t := req.Type
	if !t.Known() {
		return
	}
	s.mu.Lock()
	sub, first := s.subscription(t)
	stale := sub.nonce != "" && sub.nonce != req.Nonce
	if stale {
		sub.expectAnswer()
	} else {
		sub.stopExpecting()
		// A response that is due and not yet built is built from what the client now subscribes to.
		sub.nonce, sub.idle, sub.responseDue = "", false, false
		if !first {
			sub.handleAck(req.Refusal)
		}
	}
	names, wildcard := sub.requestedNames(req.Names)
	same := sub.hasExactly(names, wildcard)
	if again := !stale && sub.subscribedAgain(req, same); again {
		sub.forgetSent()
	}
	if !stale {
		sub.answered = req.Nonce
	}
	s.mu.Unlock()

	narrowed := !same && sub.setNames(names, wildcard)

	s.mu.Lock()
	defer s.mu.Unlock()
	if narrowed && t != snapshot.ListenerType {
		sub.scheduleRefresh()
	}
	if first {
		sub.firstRequest(req.Version)
	}
	// A stale request is served as any other if its wait for an answer ended meanwhile.
	if !s.closed && (!stale || sub.nonce == "") {
		sub.requestServed()
	}
}

// InternNames appends names to list. For a name that the stream already subscribes to, in any type, it reuses the
// existing string and allocates no memory.
func (s *Session) InternNames(list []string, names [][]byte) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		list = append(list, s.internName(name))
	}
	return list
}

func (s *Session) internName(name []byte) string {
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		entries := sub.entries
		for len(entries) > 0 {
			middle := len(entries) / 2
			switch e := entries[middle]; {
			case e.name == string(name):
				return e.name
			case e.name < string(name):
				entries = entries[middle+1:]
			default:
				entries = entries[:middle]
			}
		}
	}
	return string(name)
}

// requestedNames returns what a list of names subscribes to. It sorts the list. The caller holds Session.mu.
func (sub *subscription) requestedNames(names []string) (explicit []string, wildcard bool) {
	if sub.implicitWildcard && len(names) == 0 {
		return nil, true
	}
	sub.implicitWildcard = false
	return withoutWildcard(names)
}

// hasExactly reports whether the subscription has exactly these names, which are sorted. The caller holds Session.mu.
func (sub *subscription) hasExactly(names []string, wildcard bool) bool {
	if wildcard != sub.wildcard {
		return false
	}
	i := 0
	for _, e := range sub.entries {
		if !e.explicit {
			continue
		}
		if i == len(names) || names[i] != e.name {
			return false
		}
		i++
	}
	return i == len(names)
}

// firstRequest serves the first request of a stream for a type, from a client that states which version it has. A
// client that returns with everything current is sent only its listeners: a client with several control planes
// returns to its first one only after that one has answered, and a client whose streams end unanswered backs off
// longer before the next stream.
func (sub *subscription) firstRequest(version string) {
	resumed := version != "" && sub.resume(version)
	if version != "" && !resumed {
		sub.claim()
	}
	if sub.t == snapshot.EndpointType {
		sub.session.keepClusters()
		sub.session.warm()
	}
	sub.force = sub.wildcard && !resumed || sub.t == snapshot.ListenerType && sub.hasAnswers()
}

// hasAnswers reports whether any subscribed name can be answered. The answer for a server that must not serve is a
// response without its Listener.
func (sub *subscription) hasAnswers() bool {
	return slices.ContainsFunc(sub.entries, func(e *entry) bool {
		_, server, _ := resource.ParseServerListener(e.name)
		return e.current != nil || server
	})
}
