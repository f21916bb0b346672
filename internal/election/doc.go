// Package election decides which replica works: the one that owns a Lease.
//
// It follows the rules of client-go's leader election, whose package would link every API group of Kubernetes into the
// binary. If a leader dies, another replica leads after 15 s; if it ends in order, after about 2 s. A leader that
// cannot renew stops 5 s before another replica may lead.
//
// Replicas can tell one another something in annotations of the Lease, which all of them read anyway: Options.Held and
// Options.Followed are called after each attempt.
//
// Reading order: election.go (when), lease.go (how), idle.go (whether a replica still works, for uninstalling).
package election
