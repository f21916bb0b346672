package endpoints

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// on1 puts the endpoint at index i on the node n1.
func on1(i int) map[int]func(*mesh.Endpoint) { return map[int]func(*mesh.Endpoint){i: onN1} }

func TestTrafficDistribution(t *testing.T) {
	zone, node, hints := mesh.Service{TrafficDistribution: mesh.PreferSameZone}, mesh.Service{TrafficDistribution: mesh.PreferSameNode}, mesh.Service{TrafficDistribution: mesh.PreferHinted}
	at := mesh.Client{Locality: localityPattern("eu/a/r1"), Node: "n1"}
	world := []string{"1 eu/a", "2 eu/a/r1", "3 eu/b", "4 us/a"}
	everywhere := map[int]func(*mesh.Endpoint){0: hinted("b"), 1: hinted("a"), 2: hinted("a", "b"), 3: hinted("b")}
	missing := map[int]func(*mesh.Endpoint){0: hinted("b"), 1: hinted("a"), 3: hinted("b")}
	nearTests{
		"zone":                   {near{service: zone, client: at, endpoints: world}, []string{"eu/a=1:.1 eu/a/r1=1:.2", "eu/b=1:.3", "us/a=1:.4"}},
		"zone by hints":          {near{service: zone, client: at, endpoints: world, change: everywhere}, []string{"eu/a/r1=1:.2 eu/b=1:.3", "eu/a=1:.1", "us/a=1:.4"}},
		"zone, a hint missing":   {near{service: zone, client: at, endpoints: world, change: missing}, []string{"eu/a=1:.1 eu/a/r1=1:.2", "eu/b=1:.3", "us/a=1:.4"}},
		"no place stated":        {near{service: zone, endpoints: []string{"1", "2 eu/a"}}, []string{"=1:.1 eu/a=1:.2"}},
		"a rule comes first":     {near{service: zone, settings: "localityLbSetting: {failoverPriority: ['kubernetes.io/hostname=n1']}", client: at, endpoints: []string{"1 eu/a", "2 us/a"}, change: on1(1)}, []string{"us/a=1:.2", "eu/a=1:.1"}},
		"a rule of other things": {near{service: zone, settings: "simple: ROUND_ROBIN", client: at, endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1", "us/a=1:.2"}},
		"node":                   {near{service: node, client: at, endpoints: world, change: on1(2)}, []string{"eu/b=1:.3", "eu/a=1:.1 eu/a/r1=1:.2", "us/a=1:.4"}},
		"node not stated":        {near{service: node, client: from("eu/a"), endpoints: world}, []string{"eu/a=1:.1 eu/a/r1=1:.2", "eu/b=1:.3", "us/a=1:.4"}},
		"hints":                  {near{service: hints, client: at, endpoints: world, change: everywhere}, []string{"eu/a/r1=1:.2 eu/b=1:.3", "eu/a=1:.1 us/a=1:.4"}},
		"hints, one missing":     {near{service: hints, client: at, endpoints: []string{"1 eu/a", "2 eu/b"}, change: map[int]func(*mesh.Endpoint){0: hinted("a")}}, []string{"eu/a=1:.1 eu/b=1:.2"}},
		"hints for others":       {near{service: hints, client: from("eu/c"), endpoints: world, change: everywhere}, []string{"eu/a=1:.1 eu/a/r1=1:.2 eu/b=1:.3 us/a=1:.4"}},
	}.run(t)
}

func TestInternalTrafficPolicy(t *testing.T) {
	local := mesh.Service{InternalTrafficPolicyLocal: true}
	draining := map[int]func(*mesh.Endpoint){0: onN1, 1: func(e *mesh.Endpoint) {
		e.Topology, e.Health = mesh.MakeTopology("n2", e.Topology.Locality()), mesh.Draining
	}}
	nearTests{
		"the client's node":         {near{service: local, client: mesh.Client{Node: "n1"}, endpoints: []string{"1 eu/a", "2 eu/a"}, change: on1(0)}, []string{"eu/a=1:.1"}},
		"nobody on it":              {near{service: local, client: mesh.Client{Node: "n2"}, endpoints: []string{"1 eu/a", "2 eu/a"}, change: on1(0)}, nil},
		"no node stated":            {near{service: local, endpoints: []string{"1 eu/a", "2 eu/a"}, change: on1(0)}, nil},
		"one on it that terminates": {near{service: local, client: mesh.Client{Node: "n2"}, endpoints: []string{"1 eu/a", "2 eu/a"}, change: draining}, []string{"eu/a=1:.2"}},
	}.run(t)
}
