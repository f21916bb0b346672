// Package snapshot keeps the current World as versioned xDS resources and tells the streams that asked for them of every
// change, and nobody else.
//
// Versions are content: a resource's version is a hash of its bytes, a response's version a sum of hashes of the names and versions
// it stands for. The same input gives the same versions in every process, so a client that returns with a version that
// still holds is sent nothing again but its listeners, which it always is.
//
// Nothing is translated before somebody asks for it. What was translated is kept under the input it was made from, marshalled
// once, and shared by every stream; a new Snapshot takes over from the one before all that did not change.
//
// Reading order: type.go and versioned.go (a resource), snapshot.go (all of them, immutable), store.go (the one publisher),
// session.go, subscription.go and entry.go (one stream, what it asked for, and one name of that), subscribe.go (how names are asked for),
// sotw.go and delta.go (the two protocols), versionrefresh.go and removaldelay.go (what a client must hear later), nack.go (refusals),
// node.go (node to client), inspect.go (what inspect shows).
//
// Locks: Store.mu protects the index of interests. Session.mu protects what a client asks for and holds; an acknowledgement takes no other
// lock. Store.mu is taken before Session.mu, never after. Translation happens under neither, except for what came up between the two.
package snapshot
