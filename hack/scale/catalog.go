package main

import (
	"hash/maphash"
	"slices"
	"sync"
)

// catalog decodes each distinct resource once, so that ten thousand streams cost what their bytes cost.
type catalog struct {
	// bodies says that the resources' bytes are kept.
	bodies bool
	seed   maphash.Seed
	// resources by the hash of their bytes.
	resources sync.Map
	// owners are the services that names were seen to belong to, by kind and name.
	owners sync.Map
}

type named struct {
	kind kind
	name string
}

func newCatalogue(bodies bool) *catalog {
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

// attribute finds whose a resource is, and hands that on to what it refers to: only the name of a listener says it.
func (c *catalog) attribute(r *resource) {
	if owner, ok := c.owners.Load(named{r.kind, r.name}); ok && r.service < 0 {
		r.service = owner.(int)
	}
	if r.service < 0 {
		return
	}
	for k, names := range r.leads {
		for _, name := range names {
			c.owners.LoadOrStore(named{kind(k), name}, r.service)
		}
	}
}
