package assemble

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// authoredIndex records which authored objects changed since the last World, by Ref.String(); nil for an object that is
// gone.
type authoredIndex map[string]*mesh.ConfigObject

// note records the current state of an object. An object without a value and without Problems concerns other meshes'
// gateways and is not listed.
func (x authoredIndex) note(o object.Object) {
	if row := o.Key.Kind.Row(); row == nil || !row.Authored {
		return
	}
	ref := o.Key.Ref()
	if o.Value == nil && len(o.Problems) == 0 {
		x[ref.String()] = nil
		return
	}
	config := &mesh.ConfigObject{Ref: ref, Generation: o.Generation, RolledOut: o.RolledOut}
	switch value := o.Value.(type) {
	case *object.Route:
		config.Parents, config.Matches = value.Parents, value.Matches()
	case *object.BackendTLSPolicy:
		config.Parents = value.Parents()
	}
	if w, ok := o.Value.(*object.Workload); ok && w.ByStream {
		config.Machine, config.Connected = w.Machine(o.Key.Namespace), w.Connected
	}
	x[ref.String()] = config
}

// apply returns the list with the recorded changes, and whether it differs.
func (x authoredIndex) apply(from mesh.Map[*mesh.ConfigObject]) (mesh.Map[*mesh.ConfigObject], bool) {
	rules := newEdit(from, (*mesh.ConfigObject).Equal)
	for key, rule := range x {
		rules.put(key, rule)
	}
	clear(x)
	changed := map[string]struct{}{}
	return rules.apply(changed), len(changed) > 0
}
