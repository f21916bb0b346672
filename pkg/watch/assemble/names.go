package assemble

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// nameIndex keeps what is known of the names of endpoints, and which of them are used.
type nameIndex struct {
	// resolved says that something resolves names. In files that are only checked, nothing does.
	resolved bool
	known    map[string]*object.Name
	// byName finds the keys of hosts that use a name, and byKey the reverse. moved means that the used names changed.
	byName index[string, string]
	byKey  map[string][]string
	moved  bool
}

func newNameIndex(resolved bool) nameIndex {
	return nameIndex{resolved: resolved, known: map[string]*object.Name{}, byName: index[string, string]{}, byKey: map[string][]string{}}
}

func (x *nameIndex) each(visit func(object.Key, *object.Name)) {
	for name, n := range x.known {
		visit(object.NameKey(name), n)
	}
}

// use records the names that a host uses.
func (x *nameIndex) use(key string, names []string) {
	slices.Sort(names)
	names = slices.Compact(names)
	before := x.byKey[key]
	if slices.Equal(before, names) {
		return
	}
	for _, name := range before {
		x.byName.remove(name, key)
	}
	for _, name := range names {
		x.byName.add(name, key)
	}
	if x.byKey[key] = names; len(names) == 0 {
		delete(x.byKey, key)
	}
	x.moved = true
}

// putName replaces what is known of a name.
func (x *external) putName(key object.Key, n *object.Name) {
	if x.names.known[key.Name] = n; n == nil {
		delete(x.names.known, key.Name)
	}
	for _, host := range x.names.byName[key.Name] {
		x.unset[host] = struct{}{}
	}
}

// check reports what is wrong with a name, for any object.
func (x *nameIndex) check(name string) []mesh.Problem {
	problem := func(severity mesh.Severity, format string, args ...any) []mesh.Problem {
		return []mesh.Problem{{Code: mesh.CodeNotResolved, Severity: severity, Message: fmt.Sprintf(format, args...)}}
	}
	n := x.known[name]
	switch {
	case !x.resolved:
		return problem(mesh.Info, "Mizzen resolves %q while it serves, and not here. The endpoint is left out here. Nothing is to be done.", name)
	case n == nil:
		return nil
	case n.Failure != "" && len(n.Addresses) > 0:
		return problem(mesh.Warning, "%q cannot be resolved any more: %s. Clients keep its last %d addresses. Correct the name, or the DNS servers of the control plane.", name, n.Failure, len(n.Addresses))
	case n.Failure != "":
		return problem(mesh.Warning, "%q cannot be resolved: %s. The endpoint gets no calls. Correct the name, or the DNS servers of the control plane.", name, n.Failure)
	case n.TooMany:
		return problem(mesh.Info, "%q has more than %d addresses. Clients call these. Use a name with fewer addresses, or let clients resolve it.", name, len(n.Addresses))
	case n.LeftOut != "":
		return problem(mesh.Warning, "%q has the address %s, which is a loopback, link-local or multicast address. Clients are not sent it. Correct the DNS record.", name, n.LeftOut)
	}
	return nil
}

// WantedNames returns the names that must be resolved if they changed since the last call; else false.
func (a *Assembler) WantedNames() (map[string]struct{}, bool) {
	x := &a.external.names
	if !x.moved {
		return nil, false
	}
	x.moved = false
	names := map[string]struct{}{}
	for name := range x.byName {
		names[name] = struct{}{}
	}
	maps.DeleteFunc(x.known, func(name string, _ *object.Name) bool {
		_, used := names[name]
		return !used
	})
	return names, true
}

// UnresolvedNames returns the used names without an address.
func (a *Assembler) UnresolvedNames() []string {
	x := &a.external.names
	var names []string
	for name := range x.byName {
		if known := x.known[name]; known == nil || len(known.Addresses) == 0 {
			names = append(names, name)
		}
	}
	return names
}
