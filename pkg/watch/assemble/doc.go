// Package assemble builds Worlds from objects, incrementally: it looks only at what a change may affect, and whatever
// comes out equal keeps its pointer. The World depends on the objects alone, not on the order in which they arrived.
//
// Hosts come from parts. The inventory of a cluster is one: it keeps Services, endpoints, pods and nodes. The join makes
// the Services and endpoints of the World of all parts. The rules are the VirtualServices and DestinationRules, and the
// objects of the Gateway API, which are bound to the Services of the World that is being built, whichever part they come from.
// Objects are matched to hosts here, in order of precedence; what a field of a rule means is decided by the
// translator.
//
// Reading order: assembler.go, then builder.go and edit.go (one World from the one before), join.go, inventory.go with
// endpoints.go and merge.go (addresses), lossguard.go, pods.go, namespaces.go and injection.go, then rules.go with policies.go, routes.go,
// delegates.go and serviceless.go, attached.go with attachedbind.go (Routes of the Gateway API) and backendtls.go;
// rollouts.go with rolloutunits.go and pins.go (two versions of a rule), conflicts.go, attachedproblems.go and problems.go report. security.go and securitybind.go bind the objects that configure servers to pods, and
// enforcement.go with enforcementsubject.go and enforcementports.go compares them with the pods that there are. hostindex.go, patterns.go and multimap.go are
// the indexes. external.go with entrygroup.go, entryendpoints.go and names.go is the part of ServiceEntries.
package assemble
