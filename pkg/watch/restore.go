package watch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// restore waits for the source as long as MemoryWait. If it cannot be read by then, a World is made of what the Memory keeps and sent.
// It returns whose objects that World is made of; none when it was not needed, or there is nothing.
func (a *assembling) restore(ctx context.Context) []objectKey {
	if a.options.Memory == nil {
		return nil
	}
	patience := time.NewTimer(a.options.MemoryWait)
	defer patience.Stop()
	if a.completed(ctx, patience.C) || ctx.Err() != nil {
		return nil
	}
	var objects map[objectKey]*object
	var saved time.Time
	err := a.options.Memory.Load(func(r io.Reader) (err error) {
		objects, saved, err = readStored(r, newStoredHeader(a.options))
		return err
	})
	if err != nil {
		a.options.Logger.Warn("the cluster cannot be read yet, and nothing is stored that could be served until then", "error", err)
		return nil
	}
	a.assembler.apply(Changes{Objects: objects})
	a.assembler.restored(saved, a.servesStored(saved))
	a.options.Logger.Warn("the cluster cannot be read yet; serving what was stored last", "saved", saved, "objects", len(objects))
	a.out.Put(a.assembler.world())
	return slices.Collect(maps.Keys(objects))
}

// supersede has the source's own objects take the place of those that were restored, in one step.
func (a *assembling) supersede(restored []objectKey, changes *Changes) {
	if len(restored) == 0 {
		return
	}
	for _, key := range restored {
		if _, ok := changes.Objects[key]; !ok {
			changes.Objects[key] = nil
		}
	}
	a.assembler.restored(time.Time{})
	a.options.Logger.Info("what was stored is served no longer")
}

func (a *assembling) servesStored(saved time.Time) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeLastGood, Severity: mesh.Warning, Object: mesh.Ref{Kind: "Cluster", Name: a.options.Domain},
		Message: fmt.Sprintf("the control plane started while the API server could not be read, and serves what it stored at %s; make the API server answer",
			saved.Format(time.RFC3339)),
	}
}
