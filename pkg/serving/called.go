package serving

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// calledServices decides about hosts without endpoints that no rule names, whose Problem is an info until then. If a
// client subscribes to the host, its calls fail, so the Problem is a warning. Otherwise it is left out: many Services
// of a cluster are scaled to zero, or not for gRPC at all. It changes problems in place.
func (s *Store) calledServices(problems []mesh.Problem) []mesh.Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := problems[:0]
	for _, p := range problems {
		if p.Code == mesh.CodeNoEndpoints && p.Severity == mesh.Info {
			if !s.called(p.Host) {
				continue
			}
			p.Severity = mesh.Warning
		}
		kept = append(kept, p)
	}
	return kept
}

// called reports whether a client subscribes to a resource of the host. The caller holds Store.mu.
func (s *Store) called(host string) bool {
	for range s.interestedIn(mesh.HostKey(host)) {
		return true
	}
	return false
}
