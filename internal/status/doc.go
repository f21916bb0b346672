// Package status says on VirtualServices and DestinationRules what became of them: in two conditions, and in Events.
//
// Its input is what the Store says, of Problems and of how far each object has come to clients. All replicas know the same Problems, but
// each knows only its own clients: so one replica, which holds a Lease, writes conditions, and its condition Programmed speaks of its own
// clients; the others write Events when clients of theirs refuse something.
//
// Conditions are a list that has one owner in Istio's definitions: whoever applies it replaces it. So the list is read, changed and written
// back under the version that was read, and what others wrote in it stays. Nothing is written that is there already.
//
// The World says of each rule its generation, so that a condition never speaks of a version of the object that it was not made from. Whether
// there is anything to write is known from a list of what is there, read when a replica begins to lead and again from time to time, and from
// what was written since. An object is read only before it is written.
//
// Reading order: condition.go (what is said), writer.go (when), object.go (how it is written), event.go, lead.go. For uninstalling: idle.go
// (whether a replica still writes), removal.go.
package status
