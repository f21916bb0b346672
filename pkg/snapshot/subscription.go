package snapshot

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// subscription is what one stream asked for of one type, and what it holds of it.
type subscription struct {
	session *Session
	t       Type

	// names and wildcard are what is asked for. They are written by the stream's goroutine under Store.mu, while no watch is armed.
	names    map[string]struct{}
	wildcard bool
	// armed is the watch that waits for a change, or nil. Protected by Store.mu.
	armed *watch
	// confirm fires some time after the subscription became smaller, to tell the client a version that no longer stands for what
	// it gave up. Nil when nothing is to be told. Protected by Store.mu.
	confirm *time.Timer
	// woken is when the World was published that the response on its way tells of. It goes to the stream with that response.
	woken time.Time

	// Protected by Session.mu.

	held map[string]*holding
	// inFlight are the responses sent and not yet answered, oldest first.
	inFlight []flight
	// under are the changes that the next response will carry.
	under []*change
	// again looks at the subscription later, see settle.go; nil when there is no need.
	again *time.Timer
}

// watch is one request that waits to be answered, once.
type watch struct{ send func() }

// holding is what the client has under one name.
type holding struct {
	// sent is what was sent last and not refused since; good what was accepted last. Either may be nil.
	sent, good *Versioned
	// refused is the version that the client said no to, and why. It is not sent again.
	refused string
	reason  string
	// missed says that the client has been told that there is no such thing.
	missed bool
}

// wants says whether v is news to the holder. h may be nil.
func (h *holding) wants(v *Versioned) bool {
	return h == nil || (h.sent == nil || h.sent.Version != v.Version) && h.refused != v.Version
}

// fire answers the armed watch. The response is made by the stream's goroutine, when it gets to it, from what is newest then.
// The caller holds Store.mu.
func (sub *subscription) fire() {
	w := sub.armed
	sub.armed = nil
	sub.confirmed()
	w.send()
}

// hostsOf are the hosts whose changes concern a name; none when none does. Of what may be a pod's own name its Service's is among
// them.
func (sub *subscription) hostsOf(name string) []string {
	domain := sub.session.store.Current().World().Domain
	_, _, host, _ := translate.ParseName(name)
	if sub.t == ListenerType {
		host = translate.ParseTarget(name, sub.session.client.Namespace, domain).Host
	}
	if _, service, ok := translate.PodHost(host, domain); ok {
		return []string{host, service}
	}
	if host == "" {
		return nil
	}
	return []string{host}
}

// differs says whether the resource of that name is news to the client.
func (sub *subscription) differs(name string, s *Snapshot) bool {
	v := s.Resource(sub.t, name, sub.session.client)
	if v == nil {
		return false
	}
	moving := v.absent && sub.moving(s)
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	h := sub.held[name]
	if h.held(v, moving) {
		if moving {
			sub.lookAgain()
		}
		return false
	}
	return h.wants(v)
}

// behind says whether anything must be sent: a resource that is news, or word of one that is gone.
func (sub *subscription) behind(s *Snapshot) bool {
	asked := sub.asked(s)
	if slices.ContainsFunc(asked, func(name string) bool { return sub.differs(name, s) }) {
		return true
	}
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	return sub.wildcard && len(sub.gone(asked)) > 0
}

// asked lists, sorted, the names that the subscription stands for at the moment.
func (sub *subscription) asked(s *Snapshot) []string {
	names := slices.Sorted(maps.Keys(sub.names))
	if !sub.wildcard {
		return names
	}
	names = append(names, s.Names(sub.t, sub.session.client)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// gone lists, sorted, what the client holds and no longer asks for: with a wildcard, what no longer exists. The caller holds Session.mu.
func (sub *subscription) gone(asked []string) []string {
	var gone []string
	for name := range sub.held {
		if _, ok := slices.BinarySearch(asked, name); !ok {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

// answer is what a response consists of.
type answer struct {
	resources []*Versioned
	// removed are names that do not exist (any more).
	removed []string
	// version stands for the whole subscription after this response.
	version string
}

// maxInFlight bounds what is remembered of responses to a client that goes on asking and answers none. Such a client may be taken
// to refuse a later response than it meant to; that concerns nobody else.
const maxInFlight = 100

// take makes the next answer from the newest Snapshot and records it as sent. full asks for everything, changed or not.
func (sub *subscription) take(full bool) answer {
	s := sub.session.store.Current()
	asked := sub.asked(s)
	current := make([]*Versioned, len(asked))
	for i, name := range asked {
		current[i] = s.Resource(sub.t, name, sub.session.client)
	}
	moving := sub.moving(s)

	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	if sub.t == ListenerType || sub.t == RouteType {
		sub.session.routed = time.Now()
	}
	var a answer
	version := newSetVersion()
	for i, name := range asked {
		v := current[i]
		h := sub.holding(name)
		if v == nil {
			if !h.missed {
				a.removed = append(a.removed, name)
			}
			h.missed = true
			continue
		}
		if h.held(v, moving) {
			if moving {
				sub.lookAgain()
			}
			v = h.sent
		}
		news := h.wants(v)
		if h.refused == v.Version {
			// The client goes on with what it accepted before. Leaving that out would delete it.
			v = h.good
		}
		if v == nil {
			continue
		}
		version.add(v)
		if full || news {
			a.resources = append(a.resources, v)
			h.sent = v
		}
	}
	for _, name := range sub.gone(asked) {
		a.removed = append(a.removed, name)
		delete(sub.held, name)
	}
	a.version = version.String()
	sub.inFlight = append(sub.inFlight, flight{a.resources, sub.under})
	sub.under = nil
	if len(sub.inFlight) > maxInFlight {
		abandon(sub.inFlight[0].changes)
		sub.inFlight = sub.inFlight[1:]
	}
	return a
}

// count records that an answer is being sent.
func (sub *subscription) count(a answer) {
	sub.session.store.counters.sent(sub.t, len(a.resources), sub.woken)
	sub.woken = time.Time{}
}

// holding returns that of a name, made if need be. The caller holds Session.mu.
func (sub *subscription) holding(name string) *holding {
	h := sub.held[name]
	if h == nil {
		h = &holding{}
		sub.held[name] = h
	}
	return h
}

// resume takes the word of a client that returns: if version stands for what would be sent to it, it holds that already.
func (sub *subscription) resume(version string) bool {
	s := sub.session.store.Current()
	var current []*Versioned
	now := newSetVersion()
	for _, name := range sub.asked(s) {
		if v := s.Resource(sub.t, name, sub.session.client); v != nil {
			now.add(v)
			current = append(current, v)
		}
	}
	if len(current) == 0 || now.String() != version {
		return false
	}
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	for _, v := range current {
		h := sub.holding(v.Name)
		h.sent, h.good = v, v
	}
	return true
}

// refs are the objects that made what is held, or the name itself when no object did.
func (v *Versioned) refs(t Type) []mesh.Ref {
	if len(v.Refs) > 0 {
		return v.Refs
	}
	return []mesh.Ref{{Kind: t.Name(), Name: v.Name}}
}
