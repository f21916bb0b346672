package main

import "context"

// target is where the objects go that the server under test reads.
type target interface {
	// seed brings all objects to their beginning.
	seed(ctx context.Context, p *plan) error
	// move gives the last endpoint of a service a marked address, and shift gives its route a marked weight. They return once it is done.
	move(ctx context.Context, p *plan, s, marker int) error
	shift(ctx context.Context, p *plan, s, marker int) error
	// clear removes what seed made.
	clear(ctx context.Context) error
}

// newTarget makes what the options ask for. The returned folder is empty for an API server.
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
