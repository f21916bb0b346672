package status

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
	// idleAfter is after how long a Lease that was released, or has expired, has no other replica that wants it: one may have looked just
	// before, and again retryPeriod with its spread later.
	idleAfter = 3 * retryPeriod
)

// AwaitIdle returns once no replica writes conditions under a Lease: there is no Lease, or it stays released, or its holder has not renewed
// it for so long that any other replica would have taken it. It calls waiting with each holder that it waits for. When ctx ends it returns
// the cause.
func AwaitIdle(ctx context.Context, client dynamic.Interface, namespace, name string, waiting func(holder string)) error {
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	l := &lease{client: client.Resource(leases).Namespace(namespace), name: name}
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

// idle takes in what was read, and says whether it has been like that for long enough. As in take, no clock of another machine counts.
func (l *lease) idle(object *unstructured.Unstructured) bool {
	if l.object == nil || !equality.Semantic.DeepEqual(object.Object["spec"], l.object.Object["spec"]) {
		l.observedSince = time.Now()
	}
	l.object = object
	if l.holder() == "" {
		return time.Since(l.observedSince) >= idleAfter
	}
	return time.Since(l.observedSince) >= l.duration()+idleAfter
}
