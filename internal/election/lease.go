package election

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// Lease is one replica's view of a Lease. It follows the protocol of client-go's leader election, so that both can
// compete for the same Lease; that package would link every API group of Kubernetes into the binary. Only the local
// clock is used: a Lease has expired if its spec has not changed for its own duration since this replica first
// observed it.
type Lease struct {
	client         dynamic.ResourceInterface
	name, identity string

	// object is the Lease as it was last read or written, nil if it does not exist. observedSince is when its spec
	// was first observed.
	object        *unstructured.Unstructured
	observedSince time.Time
	// renewed is the start of the last request that acquired or renewed the Lease for this replica.
	renewed time.Time
}

// newLease returns a replica's view of a Lease that it has not read yet.
func newLease(client dynamic.Interface, namespace, name, identity string) *Lease {
	return &Lease{client: client.Resource(leases).Namespace(namespace), name: name, identity: identity}
}

// Object returns the Lease as this replica last read or wrote it; nil if it does not exist. The holder may edit its
// annotations: they are written with the next renewal.
func (l *Lease) Object() *unstructured.Unstructured { return l.object }

// Update writes a Lease that differs from Object in its annotations. It fails with a conflict if another replica was
// faster.
func (l *Lease) Update(ctx context.Context, next *unstructured.Unstructured) error {
	written, err := l.client.Update(ctx, next, metav1.UpdateOptions{})
	if err == nil {
		l.object = written
	}
	return err
}

// acquireOrRenew makes this replica the holder. If it returns false without an error, another replica owns the Lease.
func (l *Lease) acquireOrRenew(ctx context.Context) (held bool, err error) {
	if l.holder() == l.identity && time.Since(l.renewed) < leaseDuration {
		// Usually no other replica has written it. Then it need not be read.
		if err := l.acquire(ctx); err == nil {
			return true, nil
		}
	}
	object, err := l.client.Get(ctx, l.name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, err
	}
	if l.object == nil || object == nil || !equality.Semantic.DeepEqual(object.Object["spec"], l.object.Object["spec"]) {
		l.observedSince = time.Now()
	}
	l.object = object
	if holder := l.holder(); holder != "" && holder != l.identity && time.Since(l.observedSince) < l.duration() {
		return false, nil
	}
	err = l.acquire(ctx)
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return false, nil // Another replica was faster.
	}
	return err == nil, err
}

// release gives the Lease up, if this replica owns it, so that another replica need not wait until it expires.
func (l *Lease) release(ctx context.Context) error {
	if l.holder() != l.identity {
		return nil
	}
	err := l.write(ctx, "", time.Second)
	if !apierrors.IsConflict(err) {
		return err
	}
	// The end of the process may have canceled a request that the API server has carried out.
	if l.object, err = l.client.Get(ctx, l.name, metav1.GetOptions{}); err != nil || l.holder() != l.identity {
		return err
	}
	return l.write(ctx, "", time.Second)
}

func (l *Lease) acquire(ctx context.Context) error {
	began := time.Now()
	err := l.write(ctx, l.identity, leaseDuration)
	if err == nil {
		l.renewed = began
	}
	return err
}

// write updates the version of the Lease that was last observed, or creates the Lease.
func (l *Lease) write(ctx context.Context, holder string, duration time.Duration) error {
	moment := time.Now().UTC().Format(metav1.RFC3339Micro)
	acquired, transitions := moment, int64(0)
	if l.object != nil {
		transitions, _, _ = unstructured.NestedInt64(l.object.Object, "spec", "leaseTransitions")
		if l.holder() == l.identity {
			acquired, _, _ = unstructured.NestedString(l.object.Object, "spec", "acquireTime")
		} else {
			transitions++
		}
	}
	spec := map[string]any{
		"holderIdentity": holder, "leaseDurationSeconds": int64(duration / time.Second),
		"acquireTime": acquired, "renewTime": moment, "leaseTransitions": transitions,
	}
	var written *unstructured.Unstructured
	var err error
	if l.object == nil {
		written, err = l.client.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": leases.GroupVersion().String(), "kind": "Lease", "metadata": map[string]any{"name": l.name}, "spec": spec,
		}}, metav1.CreateOptions{})
	} else {
		next := l.object.DeepCopy()
		next.Object["spec"] = spec
		written, err = l.client.Update(ctx, next, metav1.UpdateOptions{})
	}
	if err == nil {
		l.object = written
	}
	return err
}

// holder returns the holder as last observed; empty if there is no holder.
func (l *Lease) holder() string {
	if l.object == nil {
		return ""
	}
	holder, _, _ := unstructured.NestedString(l.object.Object, "spec", "holderIdentity")
	return holder
}

// duration returns how long the Lease is valid after a renewal.
func (l *Lease) duration() time.Duration {
	seconds, _, _ := unstructured.NestedInt64(l.object.Object, "spec", "leaseDurationSeconds")
	return time.Duration(seconds) * time.Second
}
