// Package watch turns a source of objects, a Kubernetes cluster or a folder of YAML, into a stream of mesh.Worlds.
//
//	kube ──┐                                 ┌─ assemble ─┐
//	       ├─ Changes ─▶ Inbox ─▶ source ─▶  │ inventory  │ ─▶ World ─▶ Worlds
//	files ─┘                                 │ rules      │
//	                                         └────────────┘
//
// A Feed reads objects, converts each to a small value and puts what changed into an Inbox. It does not know what
// becomes of them. A Source runs a Feed, takes changes from its Inbox, and sends the World that an assembler builds.
// A World shares every part that did not change with the World before it, down to the pointer, so the stages behind
// can tell a change from a repetition.
//
// A mistake of an author becomes a mesh.Problem on the object and costs the smallest unit that contains it. If a
// source cannot be read, such as an API server that is down or a folder that was removed, the last World stays in
// effect.
//
// Reading order: source.go and feed.go, then run.go, which is the loop that connects them; remote.go and member.go join
// remote clusters; state.go saves the objects
// of a source and restores them when it cannot be read at start. Then the packages object (what is kept of each kind;
// a kind is a row in kinds.go), assemble (from objects to a World), and the two feeds, kube and files.
package watch
