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
	x[ref.String()] = &mesh.ConfigObject{Ref: ref, Generation: o.Generation}
}

// apply returns the list with the recorded changes, and whether it differs.
func (x authoredIndex) apply(from mesh.Map[*mesh.ConfigObject]) (mesh.Map[*mesh.ConfigObject], bool) {
	rules := newEdit(from, func(a, b *mesh.ConfigObject) bool { return *a == *b })
	for key, rule := range x {
		rules.put(key, rule)
	}
	clear(x)
	changed := map[string]struct{}{}
	return rules.apply(changed), len(changed) > 0
}
