package serving

import (
	"cmp"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// entry is one name of one subscription: what stands for it now, and what the client has of it. A stream of ten services has forty of
// them, so it is kept small. Its name and subscription do not change; the rest is protected by Session.mu.
type entry struct {
	sub  *subscription
	name string
	// current is what the client is to hold; nil when the name cannot be answered. It is kept up to date with the current Snapshot.
	current *snapshot.Versioned
	// sent is what was sent last and not refused since; acked what was accepted last. Either may be nil.
	sent, acked *snapshot.Versioned
	// nacked is what the client said no to last; nil if it never did.
	nacked *nack
	// explicit says that the client asks for the name itself, and viaWildcard that a wildcard stands for it. What is neither is gone.
	explicit, viaWildcard bool
	// removalSent says that the client has been told that there is no such thing.
	removalSent bool
}

// nack is the version that a client said no to, and why. It is not sent again.
type nack struct{ version, reason string }

// everSent says whether the client was ever told anything about the name.
func (e *entry) everSent() bool {
	return e.sent != nil || e.acked != nil || e.nacked != nil || e.removalSent
}

// subscribed says whether the client asks for the name, be it by a wildcard.
func (e *entry) subscribed() bool { return e.explicit || e.viaWildcard }

// needs says whether v is news to the client.
func (e *entry) needs(v *snapshot.Versioned) bool {
	return (e.sent == nil || e.sent.Version != v.Version) && !e.rejects(v)
}

// rejects says whether the client said no to v.
func (e *entry) rejects(v *snapshot.Versioned) bool {
	return e.nacked != nil && e.nacked.version == v.Version
}

// deferRemoval says whether v, which stands for something that is gone, must wait, because the client may still be following routes that
// lead there: it has been sent other routes a moment ago, or is about to be. What takes its place is made before it is broken.
// Somebody whose routes do not change hears at once that they lead nowhere. And if v only stands in for something that is held back, the
// client goes on with what it has.
func (e *entry) deferRemoval(v *snapshot.Versioned, moving bool) bool {
	return v.NotFound && (moving || v.StandIn) && e.sent != nil && !e.sent.NotFound
}

// ack takes what the client accepted, and refuse parks what it refused: that version is not sent to it again, and what was accepted
// before stays in use. A refusal that names nothing means nothing that was accepted before and only went along: were that parked, the client
// would not hear when it comes back to it.
func (e *entry) ack(v *snapshot.Versioned) { e.acked = v }

func (e *entry) nack(v *snapshot.Versioned, reason string) {
	if e.acked != nil && e.acked.Version == v.Version {
		return
	}
	e.nacked = &nack{v.Version, reason}
	if e.sent != nil && e.sent.Version == v.Version {
		e.sent = e.acked
	}
}

// assumeHeld takes the client's word that it has v.
func (e *entry) assumeHeld(v *snapshot.Versioned) { e.sent, e.acked = v, v }

func byName(a, b *entry) int { return cmp.Compare(a.name, b.name) }
