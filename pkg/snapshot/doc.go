// Package snapshot keeps one World as versioned xDS resources. A Snapshot is immutable to its readers.
//
// Versions are content: the version of a resource is a hash of its bytes. The same input gives the same version in
// every process.
//
// Nothing is translated before a client subscribes to it. A translation is kept under the Input from which it was
// made, marshaled once, and shared by all streams. Derive makes the Snapshot of the next World and takes over every
// translation whose inputs did not change.
//
// Usage: Empty makes the first Snapshot and Derive each further one; New does both for a single World. Resource
// answers one name for one Client, which ClientOf makes from an xDS node.
//
// Reading order: type.go and versioned.go (a resource), snapshot.go (all of them), resolver.go and subject.go (what
// a name refers to), memo.go, validation.go (what clients would reject), clientproblems.go (Problems of some
// clients), server.go, servermemos.go, decider.go, callee.go and follow.go (servers, what they decide, and who can call them), near.go (what clients may mean by a name that does not exist), node.go (an xDS node becomes a Client).
//
// The package does not know about streams. Package serving does.
package snapshot
