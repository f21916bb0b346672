package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unique"
)

// Topology is where an endpoint runs, and the zones that its topology hints name. It is comparable and has the size
// of a pointer: a cluster has many endpoints on few nodes, so each topology is stored once. The zero Topology has
// no parts.
type Topology struct{ handle unique.Handle[topology] }

type topology struct {
	node             string
	cluster, network string
	locality         Locality
	// hints are sorted and joined by hintSeparator.
	hints string
}

// hintSeparator cannot be part of a zone's name.
const hintSeparator = "\x00"

// MakeTopology makes the Topology of a node, its locality and the zones that the endpoint's hints name, in any order.
func MakeTopology(node string, locality Locality, hints ...string) Topology {
	t := topology{node: node, locality: locality}
	if len(hints) > 0 {
		if !slices.IsSorted(hints) {
			hints = slices.Sorted(slices.Values(hints))
		}
		t.hints = strings.Join(slices.Compact(slices.Clone(hints)), hintSeparator)
	}
	return t.intern()
}

func (t topology) intern() Topology {
	if t == (topology{}) {
		return Topology{}
	}
	return Topology{unique.Make(t)}
}

func (t Topology) value() topology {
	if t == (Topology{}) {
		return topology{}
	}
	return t.handle.Value()
}

// Node returns the name of the node; empty if it is not known.
func (t Topology) Node() string { return t.value().node }

// Locality returns the locality of the node, as far as it is known.
func (t Topology) Locality() Locality { return t.value().locality }

// Cluster returns the name of the cluster of the node, and Network that of its network; both may be empty.
func (t Topology) Cluster() string { return t.value().cluster }

// Network is described at Cluster.
func (t Topology) Network() string { return t.value().network }

// In returns a Topology in a cluster and a network.
func (t Topology) In(cluster, network string) Topology {
	v := t.value()
	if v.cluster == cluster && v.network == network {
		return t
	}
	v.cluster, v.network = cluster, network
	return v.intern()
}

// Hints returns the zones whose clients should call the endpoint, sorted; nil without hints.
func (t Topology) Hints() []string {
	hints := t.value().hints
	if hints == "" {
		return nil
	}
	return strings.Split(hints, hintSeparator)
}

// At returns a Topology with another node and locality and the same hints.
func (t Topology) At(node string, locality Locality) Topology {
	v := t.value()
	if v.node == node && v.locality == locality {
		return t
	}
	v.node, v.locality = node, locality
	return v.intern()
}

// Equal is ==, for go-cmp.
func (t Topology) Equal(o Topology) bool { return t == o }

// Compare orders topologies by their parts, so that the order does not depend on when each was made.
func (t Topology) Compare(o Topology) int {
	if t == o {
		return 0
	}
	a, b := t.value(), o.value()
	return cmp.Or(
		cmp.Compare(a.node, b.node), cmp.Compare(a.locality.Region, b.locality.Region), cmp.Compare(a.locality.Zone, b.locality.Zone),
		cmp.Compare(a.locality.SubZone, b.locality.SubZone), cmp.Compare(a.hints, b.hints), cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.network, b.network),
	)
}

// MarshalText returns String, so that a World that is marshaled as JSON includes the topologies.
func (t Topology) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// String returns the parts of the topology for output.
func (t Topology) String() string {
	v := t.value()
	text := fmt.Sprintf("%q %q %q", v.node, v.locality, v.hints)
	if v.cluster != "" || v.network != "" {
		text += fmt.Sprintf(" %q %q", v.cluster, v.network)
	}
	return text
}

// AtNode returns a client with the locality of its node, if it states none and that of the node is known.
func (w *World) AtNode(client Client) Client {
	if at, ok := w.Nodes.Get(client.Node); ok && client.Locality == (Locality{}) {
		client.Locality = at.Locality
	}
	return client
}
