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

// recall waits for the cluster as long as MemoryWait. If it cannot be read by then, a World is made of what the Memory keeps and sent.
// It returns whose objects that World is made of; none when it was not needed, or there is nothing.
func (k *Kube) recall(ctx context.Context, a *assembler, out Worlds) []objectKey {
	if k.options.Memory == nil {
		return nil
	}
	patience := time.NewTimer(k.options.MemoryWait)
	defer patience.Stop()
	if k.complete(ctx, patience.C) || ctx.Err() != nil {
		return nil
	}
	var objects map[objectKey]*object
	var saved time.Time
	err := k.options.Memory.Load(func(r io.Reader) (err error) {
		objects, saved, err = readStored(r, newStoredHeader(k.options))
		return err
	})
	if err != nil {
		k.options.Logger.Warn("the cluster cannot be read yet, and nothing is stored that could be served until then", "error", err)
		return nil
	}
	for _, o := range objects {
		a.set(*o)
	}
	a.stored = saved
	a.problems.put(problemKey{topic: topicStored}, []mesh.Problem{k.servesStored(saved)})
	k.options.Logger.Warn("the cluster cannot be read yet; serving what was stored last", "saved", saved, "objects", len(objects))
	out.Put(a.world())
	return slices.Collect(maps.Keys(objects))
}

// supersede has the cluster's own objects take the place of what was recalled, in one step: they lie in the inbox.
func (k *Kube) supersede(a *assembler, recalled []objectKey) {
	if len(recalled) == 0 {
		return
	}
	k.inbox.forget(recalled)
	a.stored = time.Time{}
	a.problems.put(problemKey{topic: topicStored}, nil)
	k.options.Logger.Info("what was stored is served no longer")
}

func (k *Kube) servesStored(saved time.Time) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeLastGood, Severity: mesh.Warning, Object: mesh.Ref{Kind: "Cluster", Name: k.options.Domain},
		Message: fmt.Sprintf("the control plane started while the API server could not be read, and serves what it stored at %s; make the API server answer",
			saved.Format(time.RFC3339)),
	}
}
