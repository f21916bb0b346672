package main

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// target is where the objects are written for the server under test.
type target interface {
	// seed sets all objects to their initial state.
	seed(ctx context.Context, p *plan) error
	// update writes the next state of an object. It returns when the write is done.
	update(ctx context.Context, o *unstructured.Unstructured) error
	// clear removes what seed has created.
	clear(ctx context.Context) error
}

// newTarget makes the target of the options. The returned folder is empty for an API server.
func newTarget(o *options) (t target, dir string, err error) {
	if o.kubeconfig != "" {
		t, err = newAPIServer(o)
		return t, "", err
	}
	dir, remove, err := o.folder()
	if err != nil {
		return nil, "", err
	}
	return &folder{dir: dir, remove: remove}, dir, nil
}
