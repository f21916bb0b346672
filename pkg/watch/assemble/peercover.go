package assemble

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// peerCover has PeerAuthentications of a namespace, and finds the first that selects all pods that another one selects.
// There may be thousands, so they are not compared with each other: each is filed under one of its labels.
type peerCover struct {
	// everyPod is the first without a selector.
	everyPod *mesh.PeerAuthentication
	byLabel  map[labelPair][]coveringPeer
	size     int
}

type labelPair struct{ key, value string }

// coveringPeer is an object, and its place in the order of precedence.
type coveringPeer struct {
	*mesh.PeerAuthentication

	place int
}

// add adds the next object in the order of precedence, under that of its labels which has the fewest.
func (c *peerCover) add(p *mesh.PeerAuthentication) {
	if p.Selector == nil {
		if c.everyPod == nil {
			c.everyPod = p
		}
		return
	}
	if c.byLabel == nil {
		c.byLabel = map[labelPair][]coveringPeer{}
	}
	var rarest labelPair
	least := -1
	for key, value := range p.Selector {
		pair := labelPair{key, value}
		if n := len(c.byLabel[pair]); least < 0 || n < least {
			rarest, least = pair, n
		}
	}
	c.byLabel[rarest] = append(c.byLabel[rarest], coveringPeer{p, c.size})
	c.size++
}

// of returns the first object that selects all pods that p selects, on the same level; nil if there is none.
func (c *peerCover) of(p *mesh.PeerAuthentication) *mesh.PeerAuthentication {
	if p.Selector == nil {
		return c.everyPod
	}
	labels := mesh.MakeLabels(p.Selector)
	var first coveringPeer
	for key, value := range p.Selector {
		for _, other := range c.byLabel[labelPair{key, value}] {
			if first.PeerAuthentication != nil && first.place < other.place {
				break // They are in the order of precedence.
			}
			if labels.Match(other.Selector) {
				first = other
				break
			}
		}
	}
	return first.PeerAuthentication
}
