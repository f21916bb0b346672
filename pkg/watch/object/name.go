package object

import (
	"net/netip"
	"slices"
)

// KindName is the kind of a name of endpoints that the control plane resolved. It has no row: no source has such objects. Only
// their addresses are stored.
const KindName Kind = "Name"

// NameKey is the Key of a name.
func NameKey(name string) Key { return Key{Kind: KindName, Name: name} }

// Name is what is known of a name.
type Name struct {
	// Addresses are sorted.
	Addresses []netip.Addr
	// Failure is why the last lookup failed; empty if it did not. LeftOut is an address that clients are not sent, and
	// TooMany means that there are more than clients are sent.
	Failure, LeftOut string
	TooMany          bool
}

// Equal reports whether both have the same content.
func (n *Name) Equal(o *Name) bool {
	return n.Failure == o.Failure && n.LeftOut == o.LeftOut && n.TooMany == o.TooMany && slices.Equal(n.Addresses, o.Addresses)
}
