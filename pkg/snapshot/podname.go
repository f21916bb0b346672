package snapshot

import (
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// podOf takes apart the name of one pod of a Service. Like the search list of cluster DNS, it also completes POD.SERVICE with
// the client's namespace; Services that have that name, SERVICE.NAMESPACE, come first in the list of resolvers.
func (q query) podOf(domain string) (pod, service string, ok bool) {
	if pod, service, ok = resource.PodHost(q.dialed.Host, domain); ok || q.t != ListenerType {
		return pod, service, ok
	}
	host, _, _ := strings.Cut(q.name, ":")
	pod, service, _ = strings.Cut(host, ".")
	if pod == "" || service == "" || strings.Contains(service, ".") {
		return "", "", false
	}
	return pod, mesh.FullHost(service, q.client.Namespace, domain), true
}

// podKeys are the Keys of the Service whose pod the name may refer to.
func podKeys(q query, domain string, keys []mesh.Key) []mesh.Key {
	if _, service, ok := q.podOf(domain); ok {
		return append(keys, mesh.HostKey(service))
	}
	return keys
}

// answerPod answers for one pod of a Service: a host with the Service's ports and DestinationRules, and without
// VirtualServices.
func answerPod(s *Snapshot, q query) (*Versioned, bool) {
	name, service, ok := q.podOf(s.world.Domain)
	if !ok {
		return nil, false
	}
	h, ok := s.serviceFor(service, q.client)
	if !ok {
		return nil, false
	}
	pod := h.pod(name)
	if pod == nil {
		return nil, false
	}
	return pod.answerPort(s, q)
}

// endpointsOfPod returns the endpoints of one pod, or nil. A pod is named by its name in the Service's domain.
func endpointsOfPod(all *mesh.EndpointSet, pod, host string) *mesh.EndpointSet {
	if all == nil {
		return nil
	}
	i := slices.IndexFunc(all.Endpoints, func(e mesh.Endpoint) bool { return e.DNSName() == pod })
	if i < 0 {
		return nil
	}
	named := &mesh.EndpointSet{Host: host}
	for _, e := range all.Endpoints {
		if e.Hostname == all.Endpoints[i].Hostname && (e.Hostname != "" || e.Address == all.Endpoints[i].Address) {
			named.Endpoints = append(named.Endpoints, e)
		}
	}
	return named
}
