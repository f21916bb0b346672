package assemble

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// identityIndex finds the WorkloadEntries that identify clients. It tracks nothing unless the lists of pods are wanted.
type identityIndex struct {
	wanted bool
	// byKey finds the WorkloadEntries of a WorkloadKey; dirty keys must be evaluated again.
	byKey index[string, object.ID]
	dirty map[string]struct{}
}

func newIdentityIndex(wanted bool) identityIndex {
	return identityIndex{wanted: wanted, byKey: index[string, object.ID]{}, dirty: map[string]struct{}{}}
}

// replace records that old became now; either may be nil.
func (x *identityIndex) replace(id object.ID, old, now *object.Workload) {
	if !x.wanted {
		return
	}
	if key := old.Machine(id.Namespace); key != "" {
		x.byKey.remove(key, id)
		x.dirty[key] = struct{}{}
	}
	if key := now.Machine(id.Namespace); key != "" {
		x.byKey.add(key, id)
		x.dirty[key] = struct{}{}
	}
}

// apply lists the WorkloadEntries that changed. Of several with one key, the first by name is listed.
func (x *identityIndex) apply(b *worldBuilder, workloads map[object.ID]*object.Workload) {
	for key := range take(&x.dirty) {
		var listed *mesh.Pod
		if ids := x.byKey[key]; len(ids) > 0 {
			id := slices.MinFunc(ids, object.ID.Compare)
			w := workloads[id]
			listed = &mesh.Pod{
				Ref:            mesh.Ref{Kind: string(object.KindWorkloadEntry), Namespace: id.Namespace, Name: id.Name},
				ServiceAccount: w.ServiceAccount, Labels: w.Labels, Locality: w.Locality, Addresses: []string{w.IP},
			}
		}
		b.workloads.put(key, listed)
	}
}
