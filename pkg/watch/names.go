package watch

import (
	"context"
	"net/netip"
)

// Names resolves the names of endpoints.
type Names interface {
	// Run puts an object of object.KindName into the inbox for each wanted name, whenever what is known of it changes. It
	// returns nil when ctx ends.
	Run(ctx context.Context, inbox *Inbox) error
	// Want replaces the wanted names.
	Want(names map[string]struct{})
	// Remember gives the addresses that a wanted name had before the process started. They are kept until the name is resolved,
	// as those of an answer are.
	Remember(name string, addresses []netip.Addr)
	// Settled returns a channel that is closed once each of the wanted names was looked up.
	Settled() <-chan struct{}
}
