package serving

import (
	"slices"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Request is one of the state-of-the-world protocol.
type Request struct {
	Type snapshot.Type
	// Names are all that the client asks for.
	Names []string
	// Version is that of the response which the client accepted last, and Nonce that of the response which this answers, if any.
	Version, Nonce string
	// Refusal says why the client does not accept that response; nil if it does.
	Refusal *statuspb.Status
}

// Request serves a request, and puts its names in order; it keeps nothing of it but texts. One for a type that is not served is left alone.
// Of one that answers an older response than the last only the names count, and it gets no response: the client's answer to the last one is
// on its way, and that is responded to. See ignored.go for clients from which no answer comes.
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
		// A response that waits to be sent is made again, from what the client asks for now.
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

// InternNames appends names to a list. Those that the stream has asked for before, of any type, are the same texts, and need no memory.
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

// requestedNames says what a list of names stands for. The caller holds Session.mu.
func (sub *subscription) requestedNames(names []string) (explicit []string, wildcard bool) {
	if sub.implicitWildcard && len(names) == 0 {
		return nil, true
	}
	sub.implicitWildcard = false
	return withoutWildcard(names)
}

// hasExactly says whether the subscription is to exactly these names, sorted. The caller holds Session.mu.
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

// firstRequest serves the first request of a stream for a type, by a client that says which version it has. Who returns and holds everything is
// sent nothing again but its listeners: a client with several control planes goes back to its first only once that one has answered, and
// one whose streams end unanswered waits longer before the next.
func (sub *subscription) firstRequest(version string) {
	resumed := version != "" && sub.resume(version)
	sub.force = sub.wildcard && !resumed || sub.t == snapshot.ListenerType && sub.hasResources()
}

// hasResources says whether anything is asked for that can be answered.
func (sub *subscription) hasResources() bool {
	return slices.ContainsFunc(sub.entries, func(e *entry) bool { return e.current != nil })
}
