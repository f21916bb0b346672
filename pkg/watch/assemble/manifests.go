package assemble

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// manifestIndex records which Manifests changed since the last World, by Ref.String(); nil for an object that is gone.
type manifestIndex map[string]*mesh.Manifest

// note records the current state of an object.
func (x manifestIndex) note(o object.Object) {
	if row := o.Key.Kind.Row(); row != nil && row.Configuration && o.Key.Cluster == "" {
		x[o.Key.Ref().String()] = o.Manifest
	}
}

// apply sets the Manifests of a World that has those of the World before, and reports whether they differ. Without changes it
// costs nothing.
func (x manifestIndex) apply(w *mesh.World) bool {
	if len(x) == 0 {
		return false
	}
	manifests := newEdit(w.Manifests, (*mesh.Manifest).Equal)
	for key, m := range x {
		manifests.put(key, m)
	}
	clear(x)
	changed := map[string]struct{}{}
	next := manifests.apply(changed)
	for key := range changed {
		if before, ok := w.Manifests.Get(key); ok {
			w.Configuration = w.Configuration.Minus(before)
		}
		if m, ok := next.Get(key); ok {
			w.Configuration = w.Configuration.Plus(m)
		}
	}
	w.Manifests = next
	return len(changed) > 0
}
