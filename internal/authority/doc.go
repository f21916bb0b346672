// Package authority is the certificate authority of workloads, as values: what it is made of, the leaves that it signs,
// and how one authority follows another without a call that fails. It does no I/O and reads no clock.
//
// An Authority is a certificate with its key, the chain above it, and the self-signed roots that verify it: an own root,
// or an intermediate (authority.go). Parse refuses an Authority that could not sign a leaf that clients accept: it signs one
// and verifies it. create.go makes an own root, leaf.go signs.
//
// Two authorities matter at a time: the desired one, which an operator or cert-manager puts into a Secret, and the one in
// use, which is a part of the State. If they differ, Decide (rotation.go) brings the second to the first:
//
//  1. publish: the roots of both are in the trust bundle; leaves are signed with the old one until every pod has both roots
//  2. retire: leaves are signed with the new one; the old root stays until the last leaf below it has expired
//
// Decide is a function of what is recorded and of the time, so it gives the same answer after a restart and in every
// replica. Its safety does not depend on the order in which replicas work, or on who leads: no leaf is signed that lives
// longer than the State says (Root.LeavesUntil), and no root leaves the bundle earlier.
//
// Reading order: authority.go, leaf.go, state.go, rotation.go, create.go.
package authority
