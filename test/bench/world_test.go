// Package bench measures the whole way from a change to a client. Absolute figures depend on the machine, so what is
// checked is a ratio within one run, or has a wide margin. docs/BENCHMARKS.md has figures and their machine.
package bench

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// cluster is a World of many services. It changes one endpoint at a time, as a source does: everything else is shared.
type cluster struct {
	world *mesh.World
	ports []mesh.Port
	moves int
}

func newCluster(services, endpoints int) *cluster {
	c := &cluster{ports: []mesh.Port{{Name: "grpc", Number: 50051}}}
	byHost, sets := map[string]*mesh.Service{}, map[string]*mesh.EndpointSet{}
	for i := range services {
		host := hostName(i)
		byHost[host] = &mesh.Service{
			Ref: mesh.Ref{Kind: "Service", Namespace: "bench", Name: fmt.Sprintf("svc-%d", i)}, Host: host, Ports: []mesh.Port{{Name: "grpc", Number: 8080}},
		}
		sets[host] = c.endpoints(host, i, endpoints, 0)
	}
	c.world = &mesh.World{
		Revision: 1, Domain: "cluster.local", RootNamespace: "istio-system",
		Services: mesh.Map[*mesh.Service]{}.With(byHost, nil), Endpoints: mesh.Map[*mesh.EndpointSet]{}.With(sets, nil),
	}
	return c
}

// change moves one endpoint of a service and returns the next World.
func (c *cluster) change(service int) *mesh.World {
	c.moves++
	host := hostName(service)
	before, _ := c.world.Endpoints.Get(host)
	next := *c.world
	next.Revision++
	next.Changed = mesh.HostKeys([]string{host})
	next.Endpoints = c.world.Endpoints.With(map[string]*mesh.EndpointSet{
		host: c.endpoints(host, service, len(before.Endpoints), c.moves),
	}, nil)
	c.world = &next
	return c.world
}

func (c *cluster) endpoints(host string, service, n, moves int) *mesh.EndpointSet {
	set := &mesh.EndpointSet{Host: host}
	for i := range n {
		address := fmt.Sprintf("10.%d.%d.%d", service>>8, service&255, i+1)
		if i == n-1 {
			// The address is always a new one: equal content would not be sent.
			address = fmt.Sprintf("11.%d.%d.%d", moves>>16, moves>>8&255, moves&255)
		}
		set.Endpoints = append(set.Endpoints, mesh.Endpoint{
			Address: address, Ports: c.ports, Topology: mesh.MakeTopology("", mesh.Locality{Region: "r1", Zone: "z1"}),
		})
	}
	return set
}

func hostName(i int) string { return fmt.Sprintf("svc-%d.bench.svc.cluster.local", i) }

func clusterName(i int) string { return "outbound|8080||" + hostName(i) }
