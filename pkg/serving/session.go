package serving

import (
	"strconv"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Session is one stream. What the client asked for, was sent, accepted and refused lives here and ends with the stream.
//
// The stream gives it the client's requests, from one goroutine, and takes the responses that are due, from another one.
type Session struct {
	store  *Store
	client mesh.Client
	info   ClientInfo
	since  time.Time
	// wake says that a response is due. It must not wait for anything.
	wake func()

	// mu protects what follows, the subscriptions and their entries.
	mu sync.Mutex
	// subs are in the order of types; nil where nothing was asked for yet.
	subs []*subscription
	// delta says that the client speaks the incremental protocol.
	delta  bool
	closed bool
	// nonces counts the responses.
	nonces uint64
	// routesSentAt is when the client was last sent listeners or routes.
	routesSentAt time.Time
}

// ClientInfo is who opens a stream.
type ClientInfo struct {
	// Client is what may change an answer. It holds for the life of the stream.
	Client mesh.Client
	// NodeID is what the client calls itself.
	NodeID string
	// Peer is the address that it calls from.
	Peer string
	// Identity is who it proved to be, and Proof how; both may be empty.
	Identity, Proof string
}

// ClientInfoOf takes a client at its own word, as its node says it. The node may be nil.
func ClientInfoOf(node *corev3.Node, peer string) ClientInfo {
	return ClientInfo{Client: snapshot.ClientOf(node), NodeID: snapshot.NodeID(node), Peer: peer}
}

// Open begins a session for a stream. The Store must be ready. wake is called whenever a response may be due, and must not wait; it may
// be nil. The caller closes the session when the stream ends.
func (s *Store) Open(o ClientInfo, wake func()) *Session {
	if wake == nil {
		wake = func() {}
	}
	session := &Session{store: s, client: o.Client, info: o, since: time.Now(), wake: wake, subs: make([]*subscription, len(snapshot.Types))}
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.mu.Unlock()
	s.bumpStatusRevision()
	return session
}

// Client is who opened the session, as far as it may change an answer.
func (s *Session) Client() mesh.Client { return s.client }

// Subscribed counts the names that the stream asks for, of all types, and their bytes. It is safe for concurrent use.
func (s *Session) Subscribed() (names, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		for _, name := range sub.explicitNames() {
			names++
			bytes += len(name)
		}
	}
	return names, bytes
}

// Close forgets the stream. It may be called once. Requests that come later change nothing.
func (s *Session) Close() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	delete(s.store.sessions, s)
	s.store.bumpStatusRevision()
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		sub.idle, sub.responseDue = false, false
		if sub.recheckTimer != nil {
			sub.recheckTimer.Stop()
		}
		sub.cancelRefresh()
		sub.stopExpecting()
		sub.dropPropagations()
		for _, e := range sub.entries {
			s.store.removeInterest(e)
		}
		delete(s.store.wildcards, sub)
	}
}

// Next makes the next response that is due, from what is newest; nil when none is. What is named goes before what names it.
func (s *Session) Next() *Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub != nil && sub.responseDue {
			return sub.buildResponse(!s.delta && sub.t.FullState())
		}
	}
	return nil
}

// Due says whether a response is due.
func (s *Session) Due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub != nil && sub.responseDue {
			return true
		}
	}
	return false
}

// subscription returns that of the type, and whether this is the first request for it on the stream. The caller holds mu.
func (s *Session) subscription(t snapshot.Type) (sub *subscription, first bool) {
	rank := t.Rank()
	if s.subs[rank] == nil {
		// To gRPC clients, to name nothing means nothing.
		legacy := !s.client.Kind.IsGRPC() && t.FullState()
		s.subs[rank], first = &subscription{session: s, t: t, implicitWildcard: legacy}, true
	}
	return s.subs[rank], first
}

func (s *Session) nextNonce() string {
	s.nonces++
	return strconv.FormatUint(s.nonces, 10)
}

// update gives the entries that a change concerns what stands for them now, and looks whether that is to be sent. All of it happens under one
// lock: a stream that sees new endpoints sees the new routes, too. It returns how many subscriptions were woken. Those that are busy with
// an earlier response get it with the next, and are under the change as well.
func (s *Session) update(next *snapshot.Snapshot, entries []*entry, now map[*entry]*snapshot.Versioned, under *propagation) (woken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var concerned typeSet
	for _, e := range entries {
		e.current = now[e]
		concerned |= setOf(e.sub.t)
	}
	for _, sub := range s.subs {
		if sub != nil && sub.wildcard {
			sub.expandWildcard(next)
			concerned |= setOf(sub.t)
		}
	}
	for _, sub := range s.subs {
		if sub == nil || !concerned.has(sub.t) || !sub.hasChanges() {
			continue
		}
		sub.track(under)
		if sub.idle {
			sub.worldPublished = next.CreatedAt
			sub.schedulePush()
			woken++
		}
	}
	return woken
}

// typeSet is a set of types, a bit for each.
type typeSet uint8

func setOf(t snapshot.Type) typeSet { return 1 << t.Rank() }

func (s typeSet) has(t snapshot.Type) bool { return s&setOf(t) != 0 }
