// Package snapshot keeps one World as versioned xDS resources. A Snapshot is immutable to its readers.
//
// Versions are content: a resource's version is a hash of its bytes. The same input gives the same version in every process.
//
// Nothing is translated before a client subscribes to it. Translations are kept under the Input from which they were made,
// marshaled once, and shared by all streams. Derive makes the Snapshot of the next World and takes over everything that did
// not change.
//
// Reading order: type.go and versioned.go (a resource), snapshot.go (all of them), resolver.go and subject.go (what a name
// refers to), memo.go, validation.go (what clients would reject), clientproblems.go (Problems of some clients), node.go (an xDS
// node becomes a Client).
//
// The package knows no stream; package serving does.
package snapshot
