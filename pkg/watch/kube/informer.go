package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// backoff is the backoff of failing lists and watches. client-go's default grows to a minute, and clients would wait
// that long for changes after an API server is back. This one stays at two seconds. It is also how soon a new CRD is
// noticed.
var backoff = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 1 << 20, Cap: 2 * time.Second}

// informer puts the objects of one kind, in one namespace or in all, into the inbox.
//
// It is client-go's reflector over a store that keeps only the keys of objects: the assembler keeps the values.
// Compared with a shared informer, a list arrives as one change instead of one by one, objects are not stored twice,
// and the backoff is ours.
type informer struct {
	row       *object.KindRow
	namespace string // empty for all
	domain    string
	// remote is the name of the cluster if it is a remote one, and network that of its network.
	remote, network string
	source          listWatch
	inbox           *watch.Inbox    // set when the feed runs
	running         *sync.WaitGroup // the same: the feed waits for it
	connection      *apiConnection
	logger          *slog.Logger

	// presence is this kind's, for other informers. after is the presence of the kind that must be read first, or nil.
	presence, after *crdPresence
	// synced is closed once the objects are complete, or the cluster has answered that there are none to read.
	synced chan struct{}
	once   sync.Once

	// Only the reflector's goroutine uses the fields below.

	// known are the keys of the existing objects.
	known map[object.Key]struct{}
	// absent means that the kind was absent at the last attempt, and since is how often after was read by then.
	absent bool
	since  int
	// lastError is the error of the last attempt, if it failed.
	lastError string
	// ends is when the last watch is planned to end. mustRelist means that a watch did not end as planned, so that
	// requests cannot continue from a resource version.
	ends       time.Time
	mustRelist bool
	// begun is when the last watch began, and cutOff how many in a row ended within cutOffWithin.
	begun  time.Time
	cutOff int
	// pages is how many pages the list has so far. listed is how many objects: those of a stream are counted by its goroutine.
	pages  int
	listed atomic.Int64
	// endless means that the last list did not end, so that nothing is read before another one does.
	endless atomic.Bool
}

// By this interface the reflector finds Transformer, and streams objects through it instead of keeping a whole list of
// them.
var _ cache.TransformingStore = (*informer)(nil)

func (i *informer) run(ctx context.Context) {
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc:  i.list,
		WatchFuncWithContext: i.watch,
	}, i.source.client)
	delays := backoff
	reflector := cache.NewReflectorWithOptions(lw, nil, i, cache.ReflectorOptions{
		Name: "mizzen", TypeDescription: string(i.row.Kind), Backoff: &delays,
	})
	// What the reflector logs, observe has logged in a shorter form; the reflector's own records are for debugging.
	logger := logr.FromSlogHandler(debugHandler{i.logger.Handler()})
	reflector.RunWithContext(klog.NewContext(ctx, logger))
}

// Replace replaces all objects by the objects of a list that was read completely.
func (i *informer) Replace(list []any, _ string) error {
	changes := map[object.Key]*object.Object{}
	known := make(map[object.Key]struct{}, len(list))
	for _, typed := range list {
		// Resource versions are not compared, because an etcd that was restored from a backup reuses them. The
		// assembler compares values.
		entry := i.entry(typed)
		known[entry.Key] = struct{}{}
		changes[entry.Key] = &entry.Object
	}
	for key := range i.known {
		if _, ok := known[key]; !ok {
			changes[key] = nil
		}
	}
	i.known, i.mustRelist = known, false
	i.endList()
	i.inbox.Put(watch.Changes{Objects: changes})
	i.presence.note(false)
	i.markSynced()
	return nil
}

// Add implements cache.ReflectorStore.
func (i *informer) Add(typed any) error {
	entry := i.entry(typed)
	i.known[entry.Key] = struct{}{}
	i.inbox.Put(watch.Changes{Objects: map[object.Key]*object.Object{entry.Key: &entry.Object}})
	return nil
}

// Update implements cache.ReflectorStore.
func (i *informer) Update(typed any) error { return i.Add(typed) }

// Delete implements cache.ReflectorStore.
func (i *informer) Delete(typed any) error {
	m, err := meta.Accessor(typed)
	if err != nil {
		return fmt.Errorf("deleted object: %w", err)
	}
	key := object.Key{Kind: i.row.Kind, Namespace: m.GetNamespace(), Name: m.GetName()}.In(i.remote)
	delete(i.known, key)
	i.inbox.Put(watch.Changes{Objects: map[object.Key]*object.Object{key: nil}})
	return nil
}

// Resync implements cache.ReflectorStore. It has nothing to do.
func (i *informer) Resync() error { return nil }

// Transformer implements cache.TransformingStore.
func (i *informer) Transformer() cache.TransformFunc {
	return func(typed any) (any, error) { return i.entry(typed), nil }
}

// markSynced ends the wait for the objects of this informer.
func (i *informer) markSynced() { i.once.Do(func() { close(i.synced) }) }

// entry is a converted object on its way through the reflector, which reads the name and version of every object.
type entry struct {
	object.Object

	version string
}

// GetObjectMeta implements metav1.ObjectMetaAccessor.
func (e *entry) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: e.Key.Namespace, Name: e.Key.Name, ResourceVersion: e.version}
}

// entry converts an object, unless it is converted already. An error becomes a Problem of the object; the informer
// continues.
func (i *informer) entry(raw any) (e *entry) {
	if e, ok := raw.(*entry); ok {
		return e
	}
	e = &entry{Object: object.Object{Key: object.Key{Kind: i.row.Kind}}}
	defer func() {
		if cause := recover(); cause != nil {
			i.logger.Error("conversion of an object panicked", "name", e.Key.Name, "error", fmt.Sprint(cause))
			e.Object = i.unread(e.Key, nil)
			e.Report(mesh.CodeUnreadable, mesh.Error, "",
				"The control plane failed to read the object because of a bug. The object is not used. Report the bug.")
		}
		if i.remote != "" {
			e.MoveTo(i.remote, i.network)
		}
	}()
	if m, err := meta.Accessor(raw); err == nil {
		e.Key.Namespace, e.Key.Name, e.version = m.GetNamespace(), m.GetName(), m.GetResourceVersion()
	}
	typed, err := i.typed(raw)
	if err != nil {
		e.Object = i.unread(e.Key, raw)
		if m, err := meta.Accessor(raw); err == nil {
			e.Generation = m.GetGeneration()
			i.keepManifest(e, m)
		}
		e.Report(mesh.CodeInvalidValue, mesh.Error, "", "The object cannot be read: "+err.Error()+". Correct it.")
		return e
	}
	e.Object = i.row.Convert(typed, i.domain)
	object.FromCluster(&e.Object)
	if m, err := meta.Accessor(raw); err == nil {
		i.keepManifest(e, m)
	}
	return e
}

// keepManifest keeps the object as it was written, unless it is one of a remote cluster: rules are those of the own cluster.
func (i *informer) keepManifest(e *entry, raw metav1.Object) {
	if i.remote == "" {
		e.KeepManifest(raw, nil)
	}
}

// unread returns what is kept of an object that cannot be read: nothing, unless its kind closes.
func (i *informer) unread(key object.Key, raw any) object.Object {
	if u, ok := raw.(*unstructured.Unstructured); ok {
		return i.row.Unread(key, i.domain, u.Object)
	}
	return i.row.Unread(key, i.domain, nil)
}
