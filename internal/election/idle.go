package election

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

const (
	// idlePoll is how often AwaitIdle reads the Lease.
	idlePoll = time.Second
	// idleAfter is how long a Lease must stay released or expired until no other replica can still want it. A replica may
	// have read the Lease just before, and reads it again after retryPeriod and its spread.
	idleAfter = 3 * retryPeriod
)

// AwaitIdle returns when no replica works under a Lease: the Lease does not exist, stays released, or was not
// renewed for so long that any other replica would have acquired it. AwaitIdle calls waiting for each holder that it waits
// for. If ctx ends, it returns the cause.
func AwaitIdle(ctx context.Context, client dynamic.Interface, namespace, name string, waiting func(holder string)) error {
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	l := newLease(client, namespace, name, "")
	var told string
	for {
		object, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		if l.idle(object) {
			return nil
		}
		if holder := l.holder(); holder != "" && holder != told {
			waiting(holder)
			told = holder
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// idle records the Lease that was read, and reports whether it has been unchanged for long enough. As in acquireOrRenew,
// only the local clock is used.
func (l *Lease) idle(object *unstructured.Unstructured) bool {
	if l.object == nil || !equality.Semantic.DeepEqual(object.Object["spec"], l.object.Object["spec"]) {
		l.observedSince = time.Now()
	}
	l.object = object
	if l.holder() == "" {
		return time.Since(l.observedSince) >= idleAfter
	}
	return time.Since(l.observedSince) >= l.duration()+idleAfter
}
