package snapshot

import (
	"context"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Session is one stream: the cache.Cache that go-control-plane's stream server is given for it. What the client was sent,
// accepted and refused lives here and ends with the stream.
type Session struct {
	store  *Store
	client mesh.Client
	opener Opener
	since  time.Time

	// mu protects what follows, and of the subscriptions what they say. The map itself is touched by the stream's goroutine and, under mu, read
	// by inspection.
	mu   sync.Mutex
	subs map[Type]*subscription
	// routed is when the client was last sent listeners or routes.
	routed time.Time
}

var _ cache.Cache = (*Session)(nil)

// Opener is who opens a stream.
type Opener struct {
	// Client is what may change an answer. It holds for the life of the stream.
	Client mesh.Client
	// NodeID is what the client calls itself.
	NodeID string
	// Peer is the address that it calls from.
	Peer string
	// Identity is who it proved to be, and Proof how; both may be empty.
	Identity, Proof string
}

// OpenerOf takes a client at its own word, as its node says it. The node may be nil.
func OpenerOf(node *corev3.Node, peer string) Opener {
	return Opener{Client: ClientOf(node), NodeID: clip(node.GetId()), Peer: peer}
}

// Open begins a session for a stream. The Store must be ready. The caller closes the session when the stream ends.
func (s *Store) Open(o Opener) *Session {
	session := &Session{store: s, client: o.Client, opener: o, since: time.Now(), subs: map[Type]*subscription{}}
	s.mu.Lock()
	s.sessions[session] = struct{}{}
	s.mu.Unlock()
	s.stirred()
	return session
}

// Client is who opened the session, as far as it may change an answer.
func (s *Session) Client() mesh.Client { return s.client }

// Subscribed counts the names that the stream asks for, of all types. It is safe for concurrent use.
func (s *Session) Subscribed() int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sub := range s.subs {
		n += len(sub.names)
	}
	return n
}

// Close forgets the stream. It may be called once.
func (s *Session) Close() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	delete(s.store.sessions, s)
	s.store.stirred()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		sub.armed = nil
		if sub.again != nil {
			sub.again.Stop()
		}
		sub.confirmed()
		sub.leave()
		s.store.follow(sub, nil, false)
	}
}

// Fetch is the polling form of xDS, which is not served.
func (s *Session) Fetch(context.Context, *cache.Request) (cache.Response, error) {
	return nil, status.Error(codes.Unimplemented, "polling is not served: use a stream of the aggregated discovery service")
}

// subscription returns that of the type, and whether this is the first request for it on the stream.
func (s *Session) subscription(t Type) (sub *subscription, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub = s.subs[t]
	if sub == nil {
		sub, first = &subscription{session: s, t: t, held: map[string]*holding{}}, true
		s.subs[t] = sub
	}
	return sub, first
}

// watch either answers at once or arms the subscription, so that the next change does. The cancel it returns is
// synchronous: once it has returned, nothing is sent for this watch.
func (s *Session) watch(sub *subscription, send func(), must bool) (cancel func()) {
	st := s.store
	w := &watch{send: send}
	// Before the lock: translation may take a while, and others must not wait for it. Only if another Snapshot was published
	// meanwhile it is asked again.
	seen := st.Current()
	behind := must || sub.behind(seen)
	st.mu.Lock()
	defer st.mu.Unlock()
	sub.armed = w
	if behind || st.Current() != seen && sub.behind(st.Current()) {
		sub.fire()
	} else {
		sub.current()
	}
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		if sub.armed == w {
			sub.armed = nil
		}
	}
}
