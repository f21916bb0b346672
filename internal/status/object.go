package status

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// ownTypes are the condition types that Mizzen owns.
var ownTypes = []string{typeAccepted, typeProgrammed}

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

// write updates the conditions of one object and returns the object. It returns nil if there was nothing to write, or
// if the object's generation differs from the report's.
func (w *Writer) write(ctx context.Context, r report) (*unstructured.Unstructured, error) {
	object, err := w.read(ctx, r.rule.Ref)
	if err != nil {
		return nil, err
	}
	if object == nil {
		w.observed[r.rule.Ref] = r.fingerprint()
		return nil, nil
	}
	if object.GetGeneration() != r.rule.Generation {
		return nil, nil // The World will contain this version soon.
	}
	if observedFingerprint(object) == r.fingerprint() {
		w.observed[r.rule.Ref] = r.fingerprint()
		return nil, nil
	}
	if err := setConditions(object, r, time.Now()); err != nil {
		return nil, err
	}
	return object, w.update(ctx, r.rule.Ref, object, r.fingerprint())
}

// removeConditions removes our conditions from an object.
func (w *Writer) removeConditions(ctx context.Context, ref mesh.Ref) error {
	object, err := w.read(ctx, ref)
	if err != nil || object == nil {
		delete(w.observed, ref)
		return err
	}
	if err := setConditions(object, report{}, time.Now()); err != nil {
		return err
	}
	return w.update(ctx, ref, object, "")
}

// update writes the status with the resource version that was read. After a conflict the next reconciliation tries again.
func (w *Writer) update(ctx context.Context, ref mesh.Ref, object *unstructured.Unstructured, want string) error {
	_, err := w.objects(ref).UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: manager})
	switch {
	case err == nil:
		w.counters.written()
	case apierrors.IsConflict(err):
		return nil
	case apierrors.IsNotFound(err):
	case apierrors.IsInvalid(err):
		// Another attempt would fail in the same way.
		w.Logger.Warn("cannot write the status of an object", "object", ref.String(), "error", err)
	default:
		return err
	}
	if want == "" {
		delete(w.observed, ref)
	} else {
		w.observed[ref] = want
	}
	return nil
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
			if err := w.list(ctx, string(row.Kind), row.Resource, namespace, observed); err != nil {
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
			if said := observedFingerprint(&list.Items[i]); said != "" {
				observed[mesh.Ref{Kind: kind, Namespace: list.Items[i].GetNamespace(), Name: list.Items[i].GetName()}] = said
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// observedFingerprint returns the fingerprint of our conditions on an object; empty if it has none.
func observedFingerprint(object *unstructured.Unstructured) string {
	var found []condition
	generation := int64(0)
	for _, c := range conditionsOf(object) {
		kind, _ := c["type"].(string)
		if !slices.Contains(ownTypes, kind) {
			continue
		}
		one := condition{kind: kind}
		one.status, _ = c["status"].(string)
		one.reason, _ = c["reason"].(string)
		one.message, _ = c["message"].(string)
		if n := observedGeneration(c); len(found) == 0 || n < generation {
			generation = n
		}
		found = append(found, one)
	}
	if len(found) == 0 {
		return ""
	}
	return fingerprint(generation, found)
}

// observedGeneration reads a generation. It returns 0 for a string, which older releases and programs with Istio's types
// write: kubectl reads numbers only, so such a condition is written again.
func observedGeneration(c map[string]any) int64 {
	n, _ := c["observedGeneration"].(int64)
	return n
}

func conditionsOf(object *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var all []map[string]any
	for _, item := range list {
		if c, ok := item.(map[string]any); ok {
			all = append(all, c)
		}
	}
	return all
}

// setConditions replaces our conditions on the object by the report's, after the conditions of other writers. The
// transition time of a condition changes only with its status.
func setConditions(object *unstructured.Unstructured, r report, now time.Time) error {
	transitions := map[string]string{}
	list := []any{}
	for _, c := range conditionsOf(object) {
		kind, _ := c["type"].(string)
		if !slices.Contains(ownTypes, kind) {
			list = append(list, c)
			continue
		}
		if since, ok := c["lastTransitionTime"].(string); ok {
			transitions[fmt.Sprint(kind, " ", c["status"])] = since
		}
	}
	for _, c := range r.conditions {
		since := transitions[c.kind+" "+c.status]
		if since == "" {
			since = now.UTC().Format(time.RFC3339)
		}
		list = append(list, map[string]any{
			"type": c.kind, "status": c.status, "reason": c.reason, "message": c.message,
			"lastTransitionTime": since, "observedGeneration": r.rule.Generation,
		})
	}
	return unstructured.SetNestedSlice(object.Object, list, "status", "conditions")
}
