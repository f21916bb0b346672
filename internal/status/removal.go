package status

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// removalAttempts is how often an object is read again if another client writes it at the same time.
const removalAttempts = 5

// Removal removes Mizzen's conditions from all objects of a cluster, and preserves the conditions of other writers. No
// Writer may run at the same time, see AwaitIdle.
type Removal struct {
	Dynamic dynamic.Interface
	// DryRun means that nothing is written.
	DryRun bool
	// Removed is called for each object that has Mizzen's conditions, with their types. err is set if they were not removed.
	Removed func(ref mesh.Ref, types []string, err error)
	// Absent is called for each kind that the cluster does not serve.
	Absent func(kind string)
}

// Run visits all objects and returns their number. It continues after an object that cannot be written. It returns an
// error if objects cannot be listed, or if ctx ends.
func (r *Removal) Run(ctx context.Context) (seen int, err error) {
	for row := range object.Authored() {
		n, err := r.kind(ctx, row)
		seen += n
		switch {
		case apierrors.IsNotFound(err):
			r.Absent(string(row.Kind))
		case err != nil:
			return seen, fmt.Errorf("list objects of kind %s: %w", row.Kind, err)
		}
	}
	return seen, nil
}

func (r *Removal) kind(ctx context.Context, row *object.KindRow) (seen int, err error) {
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := r.Dynamic.Resource(row.Resource).List(ctx, options)
		if err != nil {
			return seen, err
		}
		for i := range list.Items {
			seen++
			o := &list.Items[i]
			types := ownTypesOf(o)
			if len(types) == 0 {
				continue
			}
			err := r.remove(ctx, row, o)
			r.Removed(mesh.Ref{Kind: string(row.Kind), Namespace: o.GetNamespace(), Name: o.GetName()}, types, err)
			if ctx.Err() != nil {
				return seen, context.Cause(ctx)
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return seen, nil
		}
	}
}

// remove writes one object without Mizzen's conditions. After a conflict it reads the object and tries again.
func (r *Removal) remove(ctx context.Context, row *object.KindRow, o *unstructured.Unstructured) error {
	client := r.Dynamic.Resource(row.Resource).Namespace(o.GetNamespace())
	var err error
	for range removalAttempts {
		if r.DryRun || len(ownTypesOf(o)) == 0 {
			return nil
		}
		if err = withoutOwn(o); err != nil {
			return err
		}
		_, err = client.UpdateStatus(ctx, o, metav1.UpdateOptions{FieldManager: manager})
		if apierrors.IsConflict(err) {
			if o, err = client.Get(ctx, o.GetName(), metav1.GetOptions{}); err == nil {
				err = errBusy
				continue
			}
		}
		break
	}
	if apierrors.IsNotFound(err) {
		return nil // The conditions went with the object.
	}
	return err
}

// errBusy is the error of an object that other clients write all the time.
var errBusy = errors.New("others write it all the time; try again")

// ownTypesOf returns the types of Mizzen's conditions on an object.
func ownTypesOf(o *unstructured.Unstructured) (types []string) {
	for _, c := range conditionsOf(o) {
		if kind, _ := c["type"].(string); slices.Contains(ownTypes, kind) {
			types = append(types, kind)
		}
	}
	return types
}

// withoutOwn removes Mizzen's conditions, and the fields that are empty without them.
func withoutOwn(o *unstructured.Unstructured) error {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(item any) bool {
		c, _ := item.(map[string]any)
		kind, _ := c["type"].(string)
		return slices.Contains(ownTypes, kind)
	})
	if len(list) > 0 {
		return unstructured.SetNestedSlice(o.Object, list, "status", "conditions")
	}
	unstructured.RemoveNestedField(o.Object, "status", "conditions")
	if status, _, _ := unstructured.NestedMap(o.Object, "status"); len(status) == 0 {
		unstructured.RemoveNestedField(o.Object, "status")
	}
	return nil
}
