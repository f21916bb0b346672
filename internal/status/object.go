package status

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// manager is the field manager of what is written.
const manager = "mizzen"

// objects returns the client for the kind and the namespace of a rule.
func (w *Writer) objects(ref mesh.Ref) dynamic.ResourceInterface {
	return w.Dynamic.Resource(object.Kind(ref.Kind).Row().Resource).Namespace(ref.Namespace)
}

// read gets an object; nil if it does not exist.
func (w *Writer) read(ctx context.Context, ref mesh.Ref) (*unstructured.Unstructured, error) {
	object, err := w.objects(ref).Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, err
}

// attempts is how often an object is read again if another writer writes it at the same time.
const attempts = 5

// write updates the conditions of one object and returns the object. It returns nil if there was nothing to write, if the
// object's generation differs from the report's, or if other writers were faster each time: the next reconciliation tries again.
func (w *Writer) write(ctx context.Context, r report) (*unstructured.Unstructured, error) {
	place, want := placeOf(r.rule.Ref.Kind), r.fingerprint()
	for range attempts {
		object, err := w.read(ctx, r.rule.Ref)
		if err != nil {
			return nil, err
		}
		if object == nil {
			w.observed[r.rule.Ref] = want
			return nil, nil
		}
		if object.GetGeneration() != r.rule.Generation {
			return nil, nil // The World will contain this version soon.
		}
		if place.observed(object) == want {
			w.observed[r.rule.Ref] = want
			return nil, nil
		}
		if err := place.set(object, r, time.Now()); err != nil {
			return nil, err
		}
		if list, ok := place.(parentList); ok {
			if n := list.leftOut(object, r); n > 0 {
				w.Logger.Warn("the list of parents is full of entries of other controllers; entries are left out", "object", r.rule.Ref.String(), "left_out", n)
			}
		}
		if written, err := w.update(ctx, r.rule.Ref, object, want); written || err != nil {
			return object, err
		}
	}
	return nil, nil
}

// removeConditions removes our conditions from an object.
func (w *Writer) removeConditions(ctx context.Context, ref mesh.Ref) error {
	place := placeOf(ref.Kind)
	for range attempts {
		object, err := w.read(ctx, ref)
		if err != nil || object == nil {
			delete(w.observed, ref)
			return err
		}
		if err := place.remove(object); err != nil {
			return err
		}
		if written, err := w.update(ctx, ref, object, ""); written || err != nil {
			return err
		}
	}
	return nil
}

// update writes the status with the resource version that was read. It returns false after a conflict.
func (w *Writer) update(ctx context.Context, ref mesh.Ref, object *unstructured.Unstructured, want string) (written bool, err error) {
	_, err = w.objects(ref).UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: manager})
	switch {
	case err == nil:
		w.counters.written()
	case apierrors.IsConflict(err):
		return false, nil
	case apierrors.IsNotFound(err):
	case apierrors.IsInvalid(err):
		// Another attempt would fail in the same way.
		w.Logger.Warn("cannot write the status of an object", "object", ref.String(), "error", err)
	default:
		return false, err
	}
	if want == "" {
		delete(w.observed, ref)
	} else {
		w.observed[ref] = want
	}
	return true, nil
}

// relist lists the conditions that all objects have. Other writers may have changed them.
func (w *Writer) relist(ctx context.Context) error {
	observed := map[mesh.Ref]string{}
	namespaces := w.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for row := range object.Authored() {
		for _, namespace := range namespaces {
			err := w.list(ctx, string(row.Kind), row.Resource, namespace, observed)
			if err != nil && !apierrors.IsNotFound(err) { // The cluster may not have all kinds.
				return err
			}
		}
	}
	w.observed = observed
	return nil
}

func (w *Writer) list(ctx context.Context, kind string, resource schema.GroupVersionResource, namespace string, observed map[mesh.Ref]string) error {
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := w.Dynamic.Resource(resource).Namespace(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range list.Items {
			if said := placeOf(kind).observed(&list.Items[i]); said != "" {
				observed[mesh.Ref{Kind: kind, Namespace: list.Items[i].GetNamespace(), Name: list.Items[i].GetName()}] = said
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}
