// Package status writes the status of objects of the mesh: two conditions on each, more for each parent of a Route, and Events.
//
// Its input is the Store: the Problems of each object, and its sync status. All replicas know the same Problems, but
// each replica knows only its own clients. So the replica that owns a Lease writes the conditions, and the other replicas
// tell it in the Lease why their clients do not do what an object says. Each replica writes the Events of its own
// clients. Only the condition's reason Pending is about the writer's clients alone.
//
// One condition is an input, too: Connected, of WorkloadEntries whose machines are healthy while they have a stream. A stream is at
// one replica, and Worlds must be equal in all of them, so each reads the condition and none its own streams. A replica that starts,
// or begins to lead, takes no machine away before the machine can have connected again.
//
// Writer is a reconcile loop:
//   - Desired: the conditions that each object should have, made from the Store (condition.go).
//   - Observed: the conditions that each object has. They come from a list, which a new leader reads and which is
//     read again from time to time, and from the Writer's own writes. An object is read only before it is written.
//   - An object is written when the two differ, two reconciliations in a row wanted the same, and the object's last
//     write is not recent.
//
// In Istio's definitions conditions are an atomic list, and so are the parents of Routes: server-side apply would replace what
// other writers have there. So the list is read, changed, and written back with its resource version. After a conflict it is
// read again.
//
// The World knows the generation of each object, so that a condition never describes a version that it was not made
// from.
//
// Reading order: condition.go (what is written), writer.go (when), object.go (how), place.go (where), parents.go and
// routeconditions.go (for Routes), event.go, elector.go and peers.go (which replica), machines.go (which machines have streams);
// for uninstalling, removal.go.
package status
