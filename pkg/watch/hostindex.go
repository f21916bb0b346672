package watch

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// hostIndex finds the objects that a host belongs to: its owners. A Service owns one host; other kinds may own several,
// and a host may have owners of several kinds.
type hostIndex struct {
	owners index[string, objectKey]
}

func newHostIndex() *hostIndex { return &hostIndex{owners: index[string, objectKey]{}} }

func (x *hostIndex) add(host string, owner objectKey) { x.owners.add(host, owner) }

func (x *hostIndex) remove(host string, owner objectKey) { x.owners.remove(host, owner) }

// owner returns the owner whose Service the host is: the first by kind, namespace and name. It does not depend on the
// order in which the owners came.
func (x *hostIndex) owner(host string) (objectKey, bool) {
	all := x.owners[host]
	if len(all) == 0 {
		return objectKey{}, false
	}
	return slices.MinFunc(all, objectKey.compare), true
}

// covered yields the hosts that a pattern covers.
func (x *hostIndex) covered(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !strings.HasPrefix(pattern, "*") {
			if _, ok := x.owners[pattern]; ok {
				yield(pattern)
			}
			return
		}
		for host := range x.owners {
			if covers(pattern, host) && !yield(host) {
				return
			}
		}
	}
}

// has reports whether a pattern covers any host.
func (x *hostIndex) has(pattern string) bool {
	for range x.covered(pattern) {
		return true
	}
	return false
}

func (k objectKey) compare(other objectKey) int {
	return cmp.Or(cmp.Compare(k.kind, other.kind), cmp.Compare(k.namespace, other.namespace), cmp.Compare(k.name, other.name))
}
