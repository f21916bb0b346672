package serving

import (
	"strconv"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Session is one stream. It has what the client subscribed to, was sent, accepted and rejected, and ends with the
// stream.
//
// One goroutine of the stream passes the client's requests to it. Another one takes the responses that are due.
type Session struct {
	store  *Store
	client mesh.Client
	info   ClientInfo
	since  time.Time
	// wake is called when a response may be due. It must not block.
	wake func()

	// mu protects the fields below, the subscriptions and their entries.
	mu sync.Mutex
	// subs are by Type.Rank; nil until the type is first requested.
	subs []*subscription
	// delta says that the client uses the incremental protocol.
	delta  bool
	closed bool
	// nonces counts the responses.
	nonces uint64
	// routesSentAt is when the client was last sent listeners or routes.
	routesSentAt time.Time
	// returnedAt is when the client claimed to have resources from an earlier stream; zero if it did not.
	returnedAt time.Time
	// left are the last Clusters from which the client unsubscribed.
	left []string
	// warming are the clusters that an Envoy was sent, and whose endpoints it must be sent, too; see warming.go.
	warming []string
	// serves is set once the client asks for the Listener of a server. lateTimer fires when its answer is late, or its
	// question; nil while nothing is expected.
	serves    bool
	lateTimer *time.Timer
}

// ClientInfo is the client that opens a stream.
type ClientInfo struct {
	// Client is what may change an answer. It is the same for the life of the stream.
	Client mesh.Client
	// NodeID is the identity in the client's node.
	NodeID string
	// Peer is the address that the client connects from.
	Peer string
	// Identity is the proven identity, and Proof how it was proven; both may be empty.
	Identity, Proof string
	// Account is the client's service account, proven or, where claims count, as its node claims. Its name is empty if it
	// is not known.
	Account mesh.Account
}

// ClientInfoOf returns the client as its node and the header user-agent of its stream claim to be. The node may be nil.
func ClientInfoOf(node *corev3.Node, peer, userAgent string) ClientInfo {
	return ClientInfo{Client: snapshot.ClientOf(node, userAgent), NodeID: snapshot.NodeID(node), Peer: peer, Account: snapshot.AccountOf(node)}
}

// Open opens a session for a stream. The Store must be ready. wake is called whenever a response may be due, with
// locks held: it must not block and must not call the Session or the Store. It may be nil. The caller closes the
// session when the stream ends.
func (s *Store) Open(o ClientInfo, wake func()) *Session {
	if wake == nil {
		wake = func() {}
	}
	session := &Session{store: s, client: o.Client, info: o, since: time.Now(), wake: wake, subs: make([]*subscription, len(snapshot.Types))}
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.addOrigin(session)
	s.mu.Unlock()
	s.bumpStatusRevision()
	session.expectQuestion()
	return session
}

// Client returns the client that opened the session.
func (s *Session) Client() mesh.Client { return s.client }

// Subscribed returns how many names the stream subscribes to, in all types, how many of them are of its own servers, and
// their total length in bytes. It is safe for concurrent use.
func (s *Session) Subscribed() (names, servers, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		for _, name := range sub.explicitNames() {
			names++
			bytes += len(name)
			if _, server := snapshot.ServerPort(sub.t, name); server {
				servers++
			}
		}
	}
	return names, servers, bytes
}

// Close removes the stream from the Store. It may be called once. Later requests have no effect.
func (s *Session) Close() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	delete(s.store.sessions, s)
	s.store.removeOrigin(s)
	s.store.bumpStatusRevision()
	s.expectNothing()
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

// Next builds the next response that is due, from what is newest; nil if no response is due. Resources are sent
// before the resources that refer to them, in the order of snapshot.Types.
func (s *Session) Next() *Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub != nil && sub.responseDue && !sub.waits() {
			return sub.buildResponse(!s.delta && sub.t.FullState())
		}
	}
	return nil
}

// Due reports whether a response is due.
func (s *Session) Due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub != nil && sub.responseDue && !sub.waits() {
			return true
		}
	}
	return false
}

// subscription returns the subscription to the type, and whether this is the first request for the type on the
// stream. The caller holds mu.
func (s *Session) subscription(t snapshot.Type) (sub *subscription, first bool) {
	rank := t.Rank()
	if s.subs[rank] == nil {
		// For gRPC clients, naming no resource means no resource.
		legacy := !s.client.Kind.IsGRPC() && t.FullState()
		s.subs[rank], first = &subscription{session: s, t: t, implicitWildcard: legacy}, true
	}
	return s.subs[rank], first
}

func (s *Session) nextNonce() string {
	s.nonces++
	return strconv.FormatUint(s.nonces, 10)
}

// update sets the current resources of the entries that a change affects, and schedules a response if anything must
// be sent. It does so in one critical section, so that the stream gets all of the change in one step. It returns how
// many subscriptions were woken. A subscription that is busy with an earlier response gets the change with the next
// one, and its propagation is tracked, too. The caller holds Store.mu.
func (s *Session) update(next *snapshot.Snapshot, entries []*entry, now map[*entry]*snapshot.Versioned, listed map[*subscription]listing, change *propagation) (woken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var concerned typeSet
	for _, e := range entries {
		change.effect.note(e, now[e])
		e.setCurrent(now[e])
		concerned |= setOf(e.sub.t)
	}
	for _, sub := range s.subs {
		if sub == nil || !sub.wildcard {
			continue
		}
		l, ahead := listed[sub]
		if !ahead { // It is a wildcard since a moment ago.
			l = sub.list(next)
		}
		if l.whole || len(l.names) > 0 {
			sub.expandWildcard(l)
			concerned |= setOf(sub.t)
		}
	}
	for _, sub := range s.subs {
		if sub == nil || !concerned.has(sub.t) {
			continue
		}
		changed := sub.hasChanges()
		if changed || sub.introducing() {
			sub.track(change)
		}
		if changed && sub.idle {
			sub.worldPublished = next.CreatedAt
			sub.schedulePush()
			woken++
		}
	}
	return woken
}

// typeSet is a set of types, one bit for each.
type typeSet uint8

func setOf(t snapshot.Type) typeSet { return 1 << t.Rank() }

func (s typeSet) has(t snapshot.Type) bool { return s&setOf(t) != 0 }
