package assemble

import (
	"cmp"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// podRef identifies the pod behind an address; zero if it is unknown.
type podRef struct{ pod, uid string }

// rawEndpoint is one address of a Service, before the addresses of a pod are joined.
type rawEndpoint struct {
	mesh.Endpoint
	pod  podRef
	ipv6 bool
}

// merge makes endpoints of the addresses in all slices of a Service, in any order: each address and port once, both
// addresses of a dual-stack pod in one endpoint, sorted. It sorts all in place.
func merge(all []rawEndpoint, preferIPv6 bool) []mesh.Endpoint {
	slices.SortFunc(all, compareRaw)
	all = joinFamilies(dropRepeated(all), preferIPv6)
	out := make([]mesh.Endpoint, len(all))
	for i := range all {
		out[i] = all[i].Endpoint
	}
	slices.SortStableFunc(out, func(a, b mesh.Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return out
}

// compareRaw orders by everything that may differ, so that the result does not depend on the order of the slices: by
// address, then the healthier first.
func compareRaw(a, b rawEndpoint) int {
	if by := cmp.Compare(a.Address, b.Address); by != 0 {
		return by // cmp.Or evaluates all that follows, and there may be hundreds of ports
	}
	return cmp.Or(
		cmp.Compare(a.Health, b.Health), slices.CompareFunc(a.Ports, b.Ports, object.ComparePorts),
		cmp.Compare(a.pod.pod, b.pod.pod), cmp.Compare(a.pod.uid, b.pod.uid), a.Topology.Compare(b.Topology),
		cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.Labels, b.Labels), cmp.Compare(a.ServiceAccount, b.ServiceAccount),
	)
}

// dropRepeated keeps each address and port once, the healthier one, and joins the ports that a pod has in several
// slices.
func dropRepeated(sorted []rawEndpoint) []rawEndpoint {
	out := sorted[:0:0]
	first := 0 // the first entry of out with the current address
	for _, b := range sorted {
		if len(out) == first || out[first].Address != b.Address {
			first = len(out)
		}
		kept := out[first:]
		ports := missing(kept, b.Ports)
		if len(ports) == 0 {
			continue
		}
		b.Ports = ports
		i := slices.IndexFunc(kept, func(k rawEndpoint) bool {
			return k.Health == b.Health && k.pod == b.pod && !shareName(k.Ports, ports)
		})
		if i < 0 {
			out = append(out, b)
			continue
		}
		union := slices.Concat(kept[i].Ports, ports)
		slices.SortFunc(union, object.ComparePorts)
		kept[i].Ports = union
	}
	return out
}

// missing returns the ports that kept does not have. If that is all of them, it returns the same slice, because slices
// share it.
func missing(kept []rawEndpoint, ports []mesh.Port) []mesh.Port {
	has := func(p mesh.Port) bool {
		return slices.ContainsFunc(kept, func(k rawEndpoint) bool { return slices.Contains(k.Ports, p) })
	}
	if !slices.ContainsFunc(ports, has) {
		return ports
	}
	return slices.DeleteFunc(slices.Clone(ports), has)
}

func shareName(a, b []mesh.Port) bool {
	return slices.ContainsFunc(a, func(p mesh.Port) bool {
		return slices.ContainsFunc(b, func(q mesh.Port) bool { return p.Name == q.Name })
	})
}

// joinFamilies moves the address of the other IP family into the endpoint of the same pod and ports.
func joinFamilies(all []rawEndpoint, preferIPv6 bool) []rawEndpoint {
	others := map[podRef][]int{}
	for i := range all {
		if all[i].ipv6 != preferIPv6 && all[i].pod != (podRef{}) {
			others[all[i].pod] = append(others[all[i].pod], i)
		}
	}
	if len(others) == 0 {
		return all
	}
	joined := make([]bool, len(all))
	for i := range all {
		primary := &all[i]
		if primary.ipv6 != preferIPv6 {
			continue
		}
		for _, j := range others[primary.pod] {
			if joined[j] || !slices.Equal(primary.Ports, all[j].Ports) {
				continue
			}
			joined[j] = true
			primary.Additional = all[j].Address
			// The slices of the two families are not written at once. The worse health is used, so that a pod that
			// stops leaves service without delay.
			primary.Health = max(primary.Health, all[j].Health)
			break
		}
	}
	out := all[:0]
	for i := range all {
		if !joined[i] {
			out = append(out, all[i])
		}
	}
	return out
}

func sameEndpoints(a, b *mesh.EndpointSet) bool {
	var known [2][]mesh.Port // the lists that were compared last: endpoints share them
	equalPorts := func(p, q []mesh.Port) bool {
		if sameList(p, known[0]) && sameList(q, known[1]) {
			return true
		}
		equal := slices.Equal(p, q)
		if equal {
			known = [2][]mesh.Port{p, q}
		}
		return equal
	}
	return a.Host == b.Host && slices.EqualFunc(a.Endpoints, b.Endpoints, func(x, y mesh.Endpoint) bool {
		return x.Address == y.Address && x.Additional == y.Additional && x.Health == y.Health && x.Labels == y.Labels &&
			x.Topology == y.Topology && x.Hostname == y.Hostname && x.ServiceAccount == y.ServiceAccount && x.Weight == y.Weight &&
			x.Ended == y.Ended && equalPorts(x.Ports, y.Ports) && samePeer(x.Peer, y.Peer)
	})
}

// sameList reports whether two lists are one, not only equal.
func sameList(a, b []mesh.Port) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func samePeer(a, b *mesh.PeerModes) bool { return a == b || a != nil && b != nil && *a == *b }
