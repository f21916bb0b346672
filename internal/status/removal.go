package status

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

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
			types := placeOf(string(row.Kind)).types(o)
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
	client, place := r.Dynamic.Resource(row.Resource).Namespace(o.GetNamespace()), placeOf(string(row.Kind))
	var err error
	for range attempts {
		if r.DryRun || len(place.types(o)) == 0 {
			return nil
		}
		if err = place.remove(o); err != nil {
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
