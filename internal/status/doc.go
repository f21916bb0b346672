// Package status writes the status of VirtualServices and DestinationRules: two conditions on each object, and Events.
//
// Its input is the Store: the Problems of each object, and its sync status. All replicas know the same Problems, but
// each replica knows only its own clients. So the replica that owns a Lease writes the conditions, and the other replicas
// tell it in the Lease why their clients do not do what an object says. Each replica writes the Events of its own
// clients. Only the condition's reason Pending is about the writer's clients alone.
//
// Writer is a reconcile loop:
//   - Desired: the conditions that each object should have, made from the Store (condition.go).
//   - Observed: the conditions that each object has. They come from a list, which a new leader reads and which is
//     read again from time to time, and from the Writer's own writes. An object is read only before it is written.
//   - An object is written when the two differ, two reconciliations in a row wanted the same, and the object's last
//     write is not recent.
//
// In Istio's definitions conditions are an atomic list: server-side apply would replace the conditions of other
// writers. So the list is read, changed, and written back with its resource version, and the conditions of other
// writers are preserved.
//
// The World knows the generation of each object, so that a condition never describes a version that it was not made
// from.
//
// Reading order: condition.go (what is written), writer.go (when), object.go (how), event.go, election.go,
// lease.go and peers.go (who); for uninstalling, idle.go (whether
// a replica still writes) and removal.go.
package status
