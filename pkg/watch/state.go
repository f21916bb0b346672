package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// ClusterStates are the StateStores of remote clusters, by the names of these.
type ClusterStates interface {
	Of(cluster string) StateStore
	// Names are the clusters of which something is stored.
	Names() []string
	// Drop removes what is stored of a cluster. It reports its errors itself.
	Drop(cluster string)
}

// StateStore survives the process: it stores the objects of a source for a process that starts while the source cannot
// be read.
type StateStore interface {
	// Save replaces the stored state by what write writes, completely or not at all. It reports its errors itself; ok is false if
	// there was one, and then Save is called again later.
	Save(write func(io.Writer) error) (ok bool)
	// Load passes the stored state to read. It fails if there is no complete state, or if read fails.
	Load(read func(io.Reader) error) error
}

// saveInterval is the minimum time between saves. A save that takes long is followed by a pause of savePause times its
// duration.
const (
	saveInterval = 10 * time.Second
	savePause    = 20
)

// checkpointer passes objects to a StateStore in a separate goroutine. A nil checkpointer saves nothing.
type checkpointer struct {
	store  StateStore
	header object.StateHeader
	// wanted has a value when a save may begin. batches takes one batch for each such value, and a last one at the end.
	wanted  chan struct{}
	batches chan []object.Object
	// stale means that something changed since the last batch. Only the goroutine that assembles uses it.
	stale bool
	// obsolete means that the last batch is not to be saved any more.
	obsolete atomic.Bool
}

func newCheckpointer(o Options) *checkpointer {
	if o.StateStore == nil {
		return nil
	}
	return &checkpointer{store: o.StateStore, header: object.NewStateHeader(o.Cluster, o.Domain, o.Namespaces), wanted: make(chan struct{}, 1), batches: make(chan []object.Object, 1)}
}

// run saves batches until the channel is closed.
func (s *checkpointer) run() {
	if s == nil {
		return
	}
	s.wanted <- struct{}{}
	batch, ok := <-s.batches
	for ok {
		begin := time.Now()
		saved := s.save(batch)
		batch, ok = s.next(batch, saved, max(saveInterval, savePause*time.Since(begin)))
	}
}

// next returns what is to be saved after a pause: the next batch, or the same one again if that could not be saved. ok is false at
// the end.
func (s *checkpointer) next(batch []object.Object, saved bool, pause time.Duration) (next []object.Object, ok bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case next, ok = <-s.batches: // The process ends: do not pause.
	case <-timer.C:
		select {
		case s.wanted <- struct{}{}:
		default: // It has a value, because there was nothing to hand over.
		}
		if !saved {
			return batch, true
		}
		next, ok = <-s.batches
		return next, ok
	}
	if !ok && !saved {
		s.save(batch)
	}
	return next, ok
}

func (s *checkpointer) save(batch []object.Object) (ok bool) {
	if s.obsolete.Load() {
		return true
	}
	header := s.header
	header.Saved = time.Now().UTC()
	return s.store.Save(func(w io.Writer) error { return object.WriteState(w, header, batch) })
}

// changed records that there is something to save.
func (s *checkpointer) changed() {
	if s != nil {
		s.stale = true
	}
}

// due returns a channel that has a value when a batch should be handed over.
func (s *checkpointer) due() <-chan struct{} {
	if s == nil || !s.stale {
		return nil
	}
	return s.wanted
}

// hand hands over the batch after due returned a value. Values are immutable, so a list of them is a complete copy.
func (s *checkpointer) hand(list func() []object.Object) {
	s.stale = false
	s.obsolete.Store(false)
	s.batches <- list()
}

// discard forgets what changed: nothing is to be stored any more.
func (s *checkpointer) discard() {
	if s != nil {
		s.stale = false
		s.obsolete.Store(true)
	}
}

// finish hands over what changed since the last batch, and lets run return.
func (s *checkpointer) finish(list func() []object.Object) {
	if s == nil {
		return
	}
	if s.stale {
		s.hand(list)
	}
	close(s.batches)
}

// restore waits for the source for at most StateWait. If the source was not read by then, it sends a World of the
// stored objects, and keeps their keys. There are none if that was not needed, or if there is no stored state.
func (a *assembling) restore(ctx context.Context) {
	if a.options.StateStore == nil {
		return
	}
	patience := time.NewTimer(a.options.StateWait)
	defer patience.Stop()
	if a.completed(ctx, patience.C) || ctx.Err() != nil {
		return
	}
	objects, saved, err := a.load()
	if err != nil {
		a.options.Logger.Warn("cannot read the cluster yet; there is no stored state to serve", "error", err)
		return
	}
	a.inbox.awaitRelease(ctx)
	remote := a.inbox.TakeRemote()
	a.assembler.Apply(objects, nil)
	a.assembler.Apply(remote.Objects, remote.Problems)
	a.assembler.Restored(saved, a.servesStored(saved))
	a.options.Logger.Warn("cannot read the cluster yet; serving the stored state", "saved", saved, "objects", len(objects))
	a.out.Put(a.assembler.World())
	a.names = map[object.Key]*object.Object{}
	for key, o := range objects {
		switch {
		case key.Kind == object.KindName:
			a.names[key] = o
		case key.Held || key.Kind == object.KindVerdict: // No source has them.
		default:
			a.restored = append(a.restored, key)
		}
	}
}

// load reads the stored state, and returns when it was saved.
func (a *assembling) load() (objects map[object.Key]*object.Object, saved time.Time, err error) {
	err = a.options.StateStore.Load(func(r io.Reader) (err error) {
		objects, saved, err = object.ReadState(r, object.NewStateHeader(a.options.Cluster, a.options.Domain, a.options.Namespaces))
		return err
	})
	if err == nil && !a.ofThisCluster(objects) {
		err = errors.New("the stored state belongs to another cluster with this URL")
	}
	return objects, saved, err
}

// ofThisCluster is false if it is known that stored objects are those of another cluster. It is not known before the cluster was read.
func (a *assembling) ofThisCluster(stored map[object.Key]*object.Object) bool {
	o, own := stored[object.Key{Kind: object.KindNamespace, Name: object.IdentityNamespace}], a.assembler.ClusterUID()
	if o == nil || own == "" {
		return true
	}
	n, ok := o.Value.(*object.Namespace)
	return !ok || n.ClusterUID == "" || n.ClusterUID == own
}

// recallRollouts tells what rules said before the process started, if changes of some are rolled out: the first World goes on with
// that.
func (a *assembling) recallRollouts() {
	if a.options.StateStore == nil || !a.assembler.WantsRecall() {
		return
	}
	stored, _, err := a.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.options.Logger.Info("nothing is stored: all clients follow the current version of the rules, also of those that another process was rolling out")
		return
	case err != nil:
		a.options.Logger.Warn("cannot use the stored state: all clients follow the current version of the rules, also of those that were being rolled out", "error", err)
		return
	}
	a.assembler.Recall(stored)
}

// recallNames gives the names that cannot be resolved at start the addresses that they had before.
func (a *assembling) recallNames() {
	missing := a.assembler.UnresolvedNames()
	if len(missing) == 0 || a.options.StateStore == nil {
		return
	}
	if a.names == nil {
		objects, _, err := a.load()
		if err != nil {
			a.options.Logger.Warn("cannot resolve some names yet; there is no stored state with their addresses", "names", len(missing), "error", err)
		}
		a.names = objects
	}
	recalled := map[object.Key]*object.Object{}
	for _, name := range missing {
		o := a.names[object.NameKey(name)]
		if o == nil {
			continue
		}
		if n, ok := o.Value.(*object.Name); ok && len(n.Addresses) > 0 {
			a.options.Names.Remember(name, n.Addresses)
			recalled[o.Key] = &object.Object{Key: o.Key, Value: &object.Name{Addresses: n.Addresses, Failure: "there was no answer since the start of the control plane"}}
		}
	}
	a.names = nil
	a.assembler.Apply(recalled, nil)
	if len(recalled) > 0 {
		a.options.Logger.Warn("cannot resolve some names yet; serving the addresses that they had", "names", len(recalled))
	}
}

// supersede replaces the restored objects, if any, by the source's own, in one step: changes are the first that the
// source completed.
func (a *assembling) supersede(changes *Changes) {
	if len(a.restored) == 0 {
		return
	}
	for _, key := range a.restored {
		if _, ok := changes.Objects[key]; !ok {
			changes.Objects[key] = nil
		}
	}
	a.restored = nil
	a.assembler.Restored(time.Time{})
	a.options.Logger.Info("read the cluster; the stored state is no longer served")
}

func (a *assembling) servesStored(saved time.Time) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeLastGood, Severity: mesh.Warning, Object: mesh.Ref{Kind: mesh.KindCluster, Name: a.options.Domain},
		Message: fmt.Sprintf("The API server could not be read at start. The state stored at %s is served. Make the API server reachable.",
			saved.Format(time.RFC3339)),
	}
}
