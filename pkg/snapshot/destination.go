package snapshot

import (
	"iter"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Destination is what calls to a cluster go to, in the words of the author: a Service, or the host if it is none of the
// cluster.
type Destination struct {
	Service, Namespace string
	Port               uint32
	Subset             string
}

// DestinationOf returns what calls to a cluster go to. Calls to one pod of a Service count as calls to the Service. ok is
// false for a cluster that was not made from a host.
func (s *Snapshot) DestinationOf(cluster string) (to Destination, ok bool) {
	port, subset, host, ok := resource.ParseName(cluster)
	if !ok {
		return Destination{}, false
	}
	service, found := s.world.Services.Get(host)
	if !found {
		if _, behind, isPod := resource.PodHost(host, s.world.Domain); isPod {
			service, found = s.world.Services.Get(behind)
		}
	}
	to = Destination{Service: host, Port: port, Subset: subset}
	if !found {
		return to, true
	}
	to.Namespace = service.Ref.Namespace
	if service.Ref.Kind == "Service" || service.Ref.Kind == "ServiceImport" {
		to.Service = service.Ref.Name
	}
	return to, true
}

// PodsBehind yields the pod of each endpoint of a destination; nil for an endpoint without a pod.
func (s *Snapshot) PodsBehind(to Destination) iter.Seq[*mesh.Pod] {
	host := to.Service
	if to.Namespace != "" {
		if full := mesh.FullHost(to.Service, to.Namespace, s.world.Domain); s.has(full) {
			host = full
		}
	}
	callee, ok := s.CalleeOf(resource.ClusterName(to.Port, to.Subset, host), mesh.Client{Namespace: to.Namespace})
	return func(yield func(*mesh.Pod) bool) {
		if !ok {
			return
		}
		for e := range s.EndpointsOf(callee) {
			pod, _ := s.world.PodByAddress(e.Endpoint.Address)
			if !yield(pod) {
				return
			}
		}
	}
}

func (s *Snapshot) has(host string) bool {
	_, ok := s.world.Services.Get(host)
	return ok
}
