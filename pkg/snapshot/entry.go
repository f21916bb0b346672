package snapshot

import "cmp"

// entry is one name of one subscription: what stands for it now, and what the client has of it. A stream of ten services has forty of
// them, so it is kept small. Its name and subscription do not change; the rest is protected by Session.mu.
type entry struct {
	sub  *subscription
	name string
	// now is what the client is to hold; nil when the name cannot be answered. It is kept up to date with the current Snapshot.
	now *Versioned
	// sent is what was sent last and not refused since; good what was accepted last. Either may be nil.
	sent, good *Versioned
	// refused is what the client said no to last; nil if it never did.
	refused *refusal
	// named says that the client asks for the name itself, and listed that a wildcard stands for it. What is neither is gone.
	named, listed bool
	// missed says that the client has been told that there is no such thing.
	missed bool
}

// refusal is the version that a client said no to, and why. It is not sent again.
type refusal struct{ version, reason string }

// told says whether the client was ever told anything about the name.
func (e *entry) told() bool { return e.sent != nil || e.good != nil || e.refused != nil || e.missed }

// asked says whether the client asks for the name, be it by a wildcard.
func (e *entry) asked() bool { return e.named || e.listed }

// wants says whether v is news to the client.
func (e *entry) wants(v *Versioned) bool {
	return (e.sent == nil || e.sent.Version != v.Version) && !e.refuses(v)
}

// refuses says whether the client said no to v.
func (e *entry) refuses(v *Versioned) bool { return e.refused != nil && e.refused.version == v.Version }

// waits says whether v, which stands for something that is gone, must wait, because the client may still be following routes that
// lead there: it has been sent other routes a moment ago, or is about to be. What takes its place is made before it is broken.
// Somebody whose routes do not change hears at once that they lead nowhere. And if v only stands in for something that is held back, the
// client goes on with what it has.
func (e *entry) waits(v *Versioned, moving bool) bool {
	return v.absent && (moving || v.withheld) && e.sent != nil && !e.sent.absent
}

// accept takes what the client accepted, and refuse parks what it refused: that version is not sent to it again, and what was accepted
// before stays in use. A refusal that names nothing means nothing that was accepted before and only went along: were that parked, the client
// would not hear when it comes back to it.
func (e *entry) accept(v *Versioned) { e.good = v }

func (e *entry) refuse(v *Versioned, reason string) {
	if e.good != nil && e.good.Version == v.Version {
		return
	}
	e.refused = &refusal{v.Version, reason}
	if e.sent != nil && e.sent.Version == v.Version {
		e.sent = e.good
	}
}

// holds takes the client's word that it has v.
func (e *entry) holds(v *Versioned) { e.sent, e.good = v, v }

func byName(a, b *entry) int { return cmp.Compare(a.name, b.name) }
