package snapshot

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// leftOut: the host exists, and the client's Sidecar leaves it out.
func leftOut(s *Snapshot, q query) []Near {
	sidecar := q.client.Sidecar
	ref, host, hides := s.hidden(q)
	if !hides {
		return nil
	}
	return []Near{{Text: fmt.Sprintf("%s %s has the name, and %s", ref.Kind, refName(ref), hiddenBy(sidecar, q.client.Namespace, ref, host))}}
}

// hiddenBy says where a Sidecar leaves out a host that an object declares, and what to do.
func hiddenBy(sidecar *mesh.Sidecar, namespace string, declared mesh.Ref, host string) string {
	if e, excluded := sidecar.Excluding(namespace, declared.Namespace, host); excluded {
		return fmt.Sprintf("%s of Sidecar %s excludes it: remove or narrow that entry", e.Field, refName(sidecar.Ref))
	}
	return fmt.Sprintf("Sidecar %s does not import it: add %s/%s to its spec.egress[0].hosts", refName(sidecar.Ref), declared.Namespace, host)
}

// hidden returns the object that declares the host that a name refers to, and the host as it declares it. ok is false unless
// the client's Sidecar hides it.
func (s *Snapshot) hidden(q query) (ref mesh.Ref, host string, ok bool) {
	sidecar := q.client.Sidecar
	if q.client.Sidecar = nil; sidecar == nil {
		return ref, "", false
	}
	hosts := []string{q.dialed.Host}
	if service, isAddress := s.world.Addresses.Get(q.dialed.Host); isAddress {
		hosts = append(hosts, service.Host)
	}
	for _, pattern := range s.wildcards {
		if mesh.Covers(pattern, q.dialed.Host) {
			hosts = append(hosts, pattern)
		}
	}
	if _, service, isPod := q.podOf(s.world.Domain); isPod {
		hosts = append(hosts, service)
	}
	for _, host := range hosts {
		if h, ok := s.serviceFor(host, q.client); ok {
			service := h.facts.Service
			if host = service.Host; mesh.IsWildcard(host) {
				host = q.dialed.Host
			}
			return service.Ref, host, !sidecar.Sees(q.client.Namespace, service.Ref.Namespace, host)
		}
	}
	h, ok := s.servicelessFor(q.dialed.Host)
	if !ok {
		return ref, "", false
	}
	first := h.facts.VirtualServices.ForClient(q.client).First()
	for _, c := range h.facts.VirtualServices.Candidates {
		if c.VirtualService == first && first != nil {
			return first.Ref, c.Host, !sidecar.SeesRules(q.client.Namespace, first.Ref.Namespace, c.Host)
		}
	}
	return ref, "", false
}
