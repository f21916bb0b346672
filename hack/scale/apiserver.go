package main

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// apiServer is a target in a cluster.
type apiServer struct {
	o      *options
	client dynamic.Interface
}

// writers is the number of objects that are written at the same time.
const writers = 16

// namespaceResource is the only resource that is written but not watched by the control plane.
var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func newAPIServer(o *options) (*apiServer, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // client-go's own limit is five requests a second
	client, err := dynamic.NewForConfig(config)
	return &apiServer{o: o, client: client}, err
}

func (a *apiServer) seed(ctx context.Context, p *plan) error {
	for i := range namespaces {
		object := &unstructured.Unstructured{Object: tree{"apiVersion": "v1", "kind": "Namespace", "metadata": tree{"name": namespaceName(i)}}}
		if err := a.create(ctx, object); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	for s := range p.o.services {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			for _, object := range p.objects(s) {
				if err := a.create(ctx, object); err != nil {
					return err
				}
			}
			return nil
		})
		if s%1000 == 999 {
			a.o.logf("%d of %d services written", s+1, p.o.services)
		}
	}
	return group.Wait()
}

// create creates an object, or resets an object that an earlier run has left.
func (a *apiServer) create(ctx context.Context, o *unstructured.Unstructured) error {
	_, err := a.of(o).Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return a.update(ctx, o)
	}
	if apierrors.IsNotFound(err) && o.GetKind() != "Namespace" {
		return fmt.Errorf("write %s %s: %w: if the API server does not know the kind, install Istio's definitions, or use -rules 0", o.GetKind(), o.GetName(), err)
	}
	return err
}

func (a *apiServer) update(ctx context.Context, o *unstructured.Unstructured) error {
	body, err := json.Marshal(o.Object)
	if err != nil {
		return err
	}
	_, err = a.of(o).Patch(ctx, o.GetName(), types.MergePatchType, body, metav1.PatchOptions{})
	return err
}

func (a *apiServer) of(o *unstructured.Unstructured) dynamic.ResourceInterface {
	if o.GetKind() == "Namespace" {
		return a.client.Resource(namespaceResource)
	}
	return a.client.Resource(object.Kind(o.GetKind()).Row().Resource).Namespace(o.GetNamespace())
}

// clear deletes the namespaces, and the cluster deletes their content.
func (a *apiServer) clear(ctx context.Context) error {
	if a.o.keep {
		return nil
	}
	for i := range namespaces {
		err := a.client.Resource(namespaceResource).Delete(ctx, namespaceName(i), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}
