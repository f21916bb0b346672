package assemble

import (
	"iter"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// hostIndex finds the owners of a host: the objects that it belongs to. A Service owns one host. Other kinds may own
// several, and a host may have owners of several kinds.
type hostIndex struct {
	// owners has the first owner of each host by kind, namespace and name, independent of the order in which they
	// arrived. others has the rest; nearly all hosts have one owner.
	owners map[string]object.Key
	others index[string, object.Key]
}

func newHostIndex() *hostIndex {
	return &hostIndex{owners: map[string]object.Key{}, others: index[string, object.Key]{}}
}

func (x *hostIndex) add(host string, key object.Key) {
	owner, ok := x.owners[host]
	switch {
	case !ok:
		x.owners[host] = key
	case key.Compare(owner) < 0:
		x.owners[host] = key
		x.others.add(host, owner)
	case key != owner:
		x.others.add(host, key)
	}
}

func (x *hostIndex) remove(host string, key object.Key) {
	others := x.others[host]
	switch {
	case x.owners[host] != key:
		x.others.remove(host, key)
	case len(others) == 0:
		delete(x.owners, host)
	default:
		x.owners[host] = slices.MinFunc(others, object.Key.Compare)
		x.others.remove(host, x.owners[host])
	}
}

// owner returns the first owner of a host.
func (x *hostIndex) owner(host string) (object.Key, bool) {
	key, ok := x.owners[host]
	return key, ok
}

// hostSet is a set of hosts.
type hostSet map[string]struct{}

// put adds a host, or removes it.
func (s hostSet) put(host string, in bool) {
	if in {
		s[host] = struct{}{}
	} else {
		delete(s, host)
	}
}

// covered yields the hosts that a pattern covers.
func (s hostSet) covered(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !strings.HasPrefix(pattern, "*") {
			if _, ok := s[pattern]; ok {
				yield(pattern)
			}
			return
		}
		for host := range s {
			if covers(pattern, host) && !yield(host) {
				return
			}
		}
	}
}

// has reports whether a pattern covers any host.
func (s hostSet) has(pattern string) bool {
	for range s.covered(pattern) {
		return true
	}
	return false
}
