package assemble

import (
	"iter"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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

// hostSet has all hosts, with their short names; see shortName.
type hostSet map[string]string

// put adds the host of a Service, or removes it if the Service is nil.
func (s hostSet) put(host string, service *mesh.Service, domain string) {
	if service != nil {
		s[host] = shortName(service, domain)
	} else {
		delete(s, host)
	}
}

// shortName returns the name of two labels that was completed to the host of a ServiceEntry, such as example.com; empty for other
// hosts. Rules for wildcards apply to it: else those for *.example.com would, and those for *.com would not.
func shortName(s *mesh.Service, domain string) string {
	short, completed := strings.CutSuffix(s.Host, ".svc."+domain)
	if !completed || object.Kind(s.Ref.Kind) != object.KindServiceEntry {
		return ""
	}
	return short
}

// covers reports whether a pattern matches a host, or a wildcard its short name.
func (s hostSet) covers(pattern, host string) bool {
	return covers(pattern, host) || s[host] != "" && mesh.IsWildcard(pattern) && covers(pattern, s[host])
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
			if s.covers(pattern, host) && !yield(host) {
				return
			}
		}
	}
}

// shortCovered yields the hosts that have the form of one with a short name which a wildcard covers. The host may be a Service of a
// remote cluster, and have a short name in the namespace of a ServiceEntry.
func (s hostSet) shortCovered(pattern, domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !mesh.IsWildcard(pattern) || strings.HasSuffix(pattern, "."+domain) {
			return
		}
		for host := range s {
			if short, completed := strings.CutSuffix(host, ".svc."+domain); completed && covers(pattern, short) && !yield(host) {
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
