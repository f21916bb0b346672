package main

import "context"

// target is where the objects are written for the server under test.
type target interface {
	// seed sets all objects to their initial state.
	seed(ctx context.Context, p *plan) error
	// move sets the address of a service's last endpoint to a marked one, and shift sets a marked weight in its
	// route. They return when the write is done.
	move(ctx context.Context, p *plan, s, marker int) error
	shift(ctx context.Context, p *plan, s, marker int) error
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
