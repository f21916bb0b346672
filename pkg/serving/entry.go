package serving

import (
	"cmp"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// entry is one name of one subscription: the current resource, and what the client has. A stream that calls ten
// services has forty entries, so an entry is kept small. Its name and subscription do not change. Session.mu protects
// the other fields.
type entry struct {
	sub  *subscription
	name string
	// current is the resource that the client should have, from the current Snapshot; nil if the name cannot be
	// answered.
	current *snapshot.Versioned
	// sent is the resource that was last sent and has not been rejected since. acked is the resource that was last
	// accepted. Either may be nil.
	sent, acked *snapshot.Versioned
	// nacked is the last rejection by the client; nil if there was no rejection.
	nacked *nack
	// explicit says that the client subscribes to the name itself. viaWildcard says that a wildcard contains it. An
	// entry with neither no longer exists for the client, and waits for its removal to be sent.
	explicit, viaWildcard bool
	// again says that the client must be sent the resource once more, even if it has it; see warming.go.
	again bool
	// removalSent says that the client has been sent the removal of the name.
	removalSent bool
}

// nack is the version that a client rejected, and the client's message. The version is not sent again.
type nack struct{ version, reason string }

// everSent reports whether the client was ever sent anything about the name.
func (e *entry) everSent() bool {
	return e.sent != nil || e.acked != nil || e.nacked != nil || e.removalSent
}

// subscribed reports whether the client subscribes to the name, itself or by a wildcard.
func (e *entry) subscribed() bool { return e.explicit || e.viaWildcard }

// needs reports whether v must be sent to the client.
func (e *entry) needs(v *snapshot.Versioned) bool {
	return (e.again || e.sent == nil || e.sent.Version != v.Version) && !e.rejects(v)
}

// rejects reports whether the client rejected v.
func (e *entry) rejects(v *snapshot.Versioned) bool {
	return e.nacked != nil && e.nacked.version == v.Version
}

// loses reports whether v would take from the client something that it has: v is the answer for a resource that no longer
// exists or has no endpoints any more.
func (e *entry) loses(v *snapshot.Versioned) bool {
	return v.Removes() && e.sent != nil && !e.sent.Removes()
}

// ack records that the client accepted v.
func (e *entry) ack(v *snapshot.Versioned) { e.acked = v }

// nack records that the client rejected v, so that this version is not sent to it again. The version that it accepted
// before stays in use. A rejection that names no resource does not apply to a resource that was accepted before and
// was only sent along: if that version were parked, the client would not be sent it when it becomes current again.
func (e *entry) nack(v *snapshot.Versioned, reason string) {
	if e.acked != nil && e.acked.Version == v.Version {
		return
	}
	e.nacked = &nack{v.Version, reason}
	if e.sent != nil && e.sent.Version == v.Version {
		e.sent = e.acked
	}
}

// assumeHeld records the client's claim that it has v.
func (e *entry) assumeHeld(v *snapshot.Versioned) { e.sent, e.acked = v, v }

func byName(a, b *entry) int { return cmp.Compare(a.name, b.name) }

func compareName(e *entry, name string) int { return cmp.Compare(e.name, name) }
