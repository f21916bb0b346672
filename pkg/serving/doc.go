// Package serving keeps the current Snapshot and sends every change to the streams that subscribe to a changed
// resource, and to no other stream.
//
// # Usage
//
// A Store publishes Worlds: Run reads them from a channel. Each stream opens a Session, passes its requests to
// Request or DeltaRequest, and sends what Next returns whenever the session wakes it. Clients, Servers, Policies,
// Resources, ObjectSyncs, Problems and UnknownNames are what operators see.
//
// # What a client may rely on
//
//   - Order. If one change affects several types, clusters are sent first, then endpoints, listeners and routes: a
//     resource is sent before the resources that refer to it. Within a type there is no order.
//   - Completeness. A state-of-the-world response for listeners or clusters contains the whole subscription. A
//     response for routes or endpoints contains what changed. An incremental response contains what changed and
//     what was removed.
//   - One response at a time. The next response of a type waits for the answer to the previous one, and is then
//     built from what is newest. States in between are skipped.
//   - Unknown names are answered immediately, with a resource that makes calls fail. When the name exists, the
//     resource is sent without a further request.
//   - New clusters come first. Routes that name clusters which the client's current routes do not name are preceded by the
//     current routes with one route more, which no call takes and which names these clusters. The new routes follow
//     when the client has acknowledged the clusters and their endpoints, or after five seconds.
//   - Removal waits. The endpoints of a resource that no longer exists are withdrawn about a second after the
//     client was sent other listeners or routes. A client whose routes do not change is sent the removal
//     immediately.
//   - A rejected version (NACK) is not sent again on that stream. The client keeps its last acknowledged version,
//     which is sent along where leaving it out would delete it. Any new version is sent.
//   - Return. A client that opens a stream with a version that is still current is sent only its listeners, which
//     are always sent. A smaller subscription gets a new version within 20 seconds, without resources.
//   - Stale nonces. A request that answers an older response than the last one only changes the names. If the last one
//     is not answered within a second of such a request, it counts as ignored, and all that is requested is sent.
//   - Repeated requests. A gRPC client that repeats its last request, or sends one without a nonce, is sent all of it
//     again.
//
// A client may not rely on the number of responses, on their timing beyond this list, or on the form of versions
// and nonces.
//
// # Reading order
//
// store.go (the one publisher), session.go, subscription.go and entry.go (a stream, one type of it, and one name),
// subscribe.go (names and the index of interests), wildcard.go (all names), sotw.go and delta.go (the two protocols), nack.go, partlyused.go and
// ignored.go (ACK, NACK and neither), versionrefresh.go, introduction.go, removaldelay.go and returning.go (what is sent later), propagation.go, syncstatus.go,
// unknown.go and inspect.go (what operators see); servers.go, lateanswer.go, serverproblems.go, callers.go and
// missingcertificates.go (what they see of servers, policies and certificates).
//
// # Locks
//
// Store.mu protects the index of interests, and which sessions and entries exist. Session.mu protects the
// subscriptions of a stream; an acknowledgement takes no other lock. Store.mu is taken before Session.mu, never
// after. Translation happens under neither lock, except for names that are subscribed to while a World is being
// published, and for wildcards.
package serving
