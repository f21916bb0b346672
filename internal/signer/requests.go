package signer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// relistBackoff is the backoff of failing lists and watches: pods wait for as long.
var relistBackoff = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 1 << 20, Cap: 2 * time.Second}

const (
	// retryFirst and retryLast bound how long a request waits after an attempt that failed.
	retryFirst, retryLast = 100 * time.Millisecond, 10 * time.Second
)

// requests are the requests without an answer. They are the store of a reflector: what is answered is not kept.
type requests struct {
	cluster Cluster
	logger  *slog.Logger
	queue   workqueue.TypedRateLimitingInterface[types.NamespacedName]
	// synced is closed when all requests were read.
	synced chan struct{}
	once   sync.Once

	// mu protects pending.
	mu      sync.Mutex
	pending map[types.NamespacedName]*certificatesv1.PodCertificateRequest

	// failure is the reason, as last logged, for which requests cannot be read. Only the reflector's goroutine uses it.
	failure failure
}

var _ cache.ReflectorStore = (*requests)(nil)

func newRequests(c Cluster, logger *slog.Logger) *requests {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](retryFirst, retryLast)
	return &requests{
		cluster: c, logger: logger, queue: workqueue.NewTypedRateLimitingQueue(limiter), synced: make(chan struct{}),
		pending: map[types.NamespacedName]*certificatesv1.PodCertificateRequest{},
	}
}

// run reads requests until ctx ends.
func (q *requests) run(ctx context.Context) {
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := q.cluster.ListRequests(ctx, o)
			q.observe(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := q.cluster.WatchRequests(ctx, o)
			q.observe(ctx, err)
			return w, err
		},
	}, q.cluster)
	backoff := relistBackoff
	reflector := cache.NewReflectorWithOptions(lw, &certificatesv1.PodCertificateRequest{}, q, cache.ReflectorOptions{Name: "mizzen", Backoff: &backoff})
	// What the reflector logs, observe has logged in a shorter form.
	reflector.RunWithContext(klog.NewContext(ctx, logr.Discard()))
}

// observe logs why requests cannot be read: once while it lasts.
func (q *requests) observe(ctx context.Context, err error) {
	if ctx.Err() == nil && q.failure.isNew(err) {
		q.logger.Warn("cannot read the requests for certificates; it needs Kubernetes 1.37", "error", err)
	}
}

// Add implements cache.ReflectorStore.
func (q *requests) Add(object any) error {
	r, ok := object.(*certificatesv1.PodCertificateRequest)
	if !ok {
		return fmt.Errorf("a request for a certificate is a %T", object)
	}
	name := nameOf(r)
	if answered(r) {
		q.drop(name)
		return nil
	}
	q.mu.Lock()
	q.pending[name] = r
	q.mu.Unlock()
	q.queue.Add(name)
	return nil
}

// Update implements cache.ReflectorStore.
func (q *requests) Update(object any) error { return q.Add(object) }

// Delete implements cache.ReflectorStore.
func (q *requests) Delete(object any) error {
	if r, ok := object.(*certificatesv1.PodCertificateRequest); ok {
		q.drop(nameOf(r))
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (q *requests) Replace(objects []any, _ string) error {
	pending := make(map[types.NamespacedName]*certificatesv1.PodCertificateRequest, len(objects))
	for _, object := range objects {
		if r, ok := object.(*certificatesv1.PodCertificateRequest); ok && !answered(r) {
			pending[nameOf(r)] = r
		}
	}
	q.mu.Lock()
	q.pending = pending
	q.mu.Unlock()
	q.again()
	q.once.Do(func() { close(q.synced) })
	return nil
}

// Resync implements cache.ReflectorStore. It has nothing to do.
func (q *requests) Resync() error { return nil }

// again puts all requests without an answer into the queue.
func (q *requests) again() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name := range q.pending {
		q.queue.Add(name)
	}
}

// get returns a request without an answer; nil if there is none with that name.
func (q *requests) get(name types.NamespacedName) *certificatesv1.PodCertificateRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pending[name]
}

// done drops a request that was answered, unless there is a newer one with the same name.
func (q *requests) done(r *certificatesv1.PodCertificateRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.pending[nameOf(r)]; now != nil && now.UID == r.UID {
		delete(q.pending, nameOf(r))
	}
}

func (q *requests) drop(name types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pending, name)
}

// waiting returns how many requests have no answer, and when the oldest of them was made.
func (q *requests) waiting() (n int, oldest time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.pending {
		if at := r.CreationTimestamp.Time; oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return len(q.pending), oldest
}

func nameOf(r *certificatesv1.PodCertificateRequest) types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
}
