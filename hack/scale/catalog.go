package main

import (
	"hash/maphash"
	"slices"
	"sync"
)

// catalog decodes each distinct resource once, so that ten thousand streams cost only their bytes.
type catalog struct {
	// bodies is true if the bytes of the resources are kept.
	bodies bool
	seed   maphash.Seed
	// resources are indexed by the hash of their bytes.
	resources sync.Map
	// owners has the service that a name belongs to, by kind and name.
	owners sync.Map
}

type named struct {
	kind kind
	name string
}

func newCatalog(bodies bool) *catalog {
	return &catalog{bodies: bodies, seed: maphash.MakeSeed()}
}

func (c *catalog) resource(b []byte) (*resource, error) {
	key := maphash.Bytes(c.seed, b)
	if known, ok := c.resources.Load(key); ok {
		return known.(*resource), nil
	}
	r, err := decode(b)
	if err != nil {
		return nil, err
	}
	if c.bodies {
		r.body = slices.Clone(b)
	}
	c.attribute(r)
	first, _ := c.resources.LoadOrStore(key, r)
	return first.(*resource), nil
}

// attribute sets the service of a resource, and passes it on to the names that it refers to. A Listener's name contains the
// service, and so may the others: routes of a service can lead to another one.
func (c *catalog) attribute(r *resource) {
	if r.service < 0 {
		r.service = serviceOf(r.name)
	}
	if owner, ok := c.owners.Load(named{r.kind, r.name}); ok && r.service < 0 {
		r.service = owner.(int)
	}
	if r.service < 0 {
		return
	}
	for k, names := range r.references {
		for _, name := range names {
			c.owners.LoadOrStore(named{kind(k), name}, r.service)
		}
	}
}
