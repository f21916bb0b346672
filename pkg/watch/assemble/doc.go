// Package assemble builds Worlds from objects, incrementally: it looks only at what a change may affect, and whatever
// comes out equal keeps its pointer. The World depends on the objects alone, not on the order in which they arrived.
//
// An Assembler has two parts. The inventory keeps what a cluster has: Services, endpoints, pods and nodes. The rules
// are the VirtualServices and DestinationRules, which are bound to the Services of the World that is being built.
// Objects are matched to hosts here, in order of precedence; what a field of a rule means is decided by the
// translator.
//
// Reading order: assembler.go, then builder.go and edit.go (one World from the one before), inventory.go with
// endpoints.go and merge.go (addresses), lossguard.go, pods.go and injection.go, then rules.go with policies.go, routes.go,
// delegates.go and serviceless.go; conflicts.go and problems.go report. hostindex.go, patterns.go and multimap.go are
// the indexes.
package assemble
