package endpoints

import (
	"fmt"
	"math"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestRingIsFair computes every endpoint's share of the ring in both ways that clients compute it. It must be the
// same for all endpoints, whatever the number of endpoints in each locality.
func TestRingIsFair(t *testing.T) {
	for name, sizes := range map[string][]int{
		"one locality": {3}, "alike": {2, 2}, "one of many": {7, 1}, "uneven": {5, 3, 1}, "many": {4000, 30, 2},
	} {
		t.Run(name, func(t *testing.T) {
			all, total := assigned(t, "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a}}}", sizes), 0
			products, localities := uint64(0), uint64(0)
			for i, l := range all.GetEndpoints() {
				total += sizes[i]
				localities += uint64(l.GetLoadBalancingWeight().GetValue())
				for _, e := range l.GetLbEndpoints() {
					products += uint64(l.GetLoadBalancingWeight().GetValue()) * uint64(e.GetLoadBalancingWeight().GetValue())
				}
			}
			if products > math.MaxInt32 {
				t.Errorf("the products of the weights sum to %d, which needs more than 31 bits", products)
			}
			for _, l := range all.GetEndpoints() {
				weight, here := l.GetLoadBalancingWeight().GetValue(), uint64(0)
				for _, e := range l.GetLbEndpoints() {
					here += uint64(e.GetLoadBalancingWeight().GetValue())
				}
				for _, e := range l.GetLbEndpoints() {
					own := e.GetLoadBalancingWeight().GetValue()
					product := float64(weight) * float64(own) / float64(products)
					share := float64(weight) / float64(localities) * float64(own) / float64(here)
					for _, got := range []float64{product, share} {
						if want := 1 / float64(total); math.Abs(got-want) > want/100 {
							t.Fatalf("an endpoint of %v has %v of the ring, want %v", l.GetLocality(), got, want)
						}
					}
				}
			}
		})
	}
}

func TestOnlyRingsWeighEndpoints(t *testing.T) {
	for name, rule := range map[string]string{
		"round robin":          "{}",
		"nothing to be hashed": "trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: a}}}}",
	} {
		for _, l := range assigned(t, rule, []int{2, 1}).GetEndpoints() {
			for _, e := range l.GetLbEndpoints() {
				if got := e.GetLoadBalancingWeight().GetValue(); got != 1 {
					t.Errorf("%s: an endpoint weighs %d, want 1", name, got)
				}
			}
		}
	}
}

// assigned translates the endpoints of a host with a rule. sizes has the number of endpoints in each locality.
func assigned(t *testing.T, rule string, sizes []int) *endpointv3.ClusterLoadAssignment {
	t.Helper()
	return assignedWith(t, rule, sizes, func(int) uint32 { return 0 })
}

// assignedWith does the same for endpoints with weights. i counts the endpoints from 0.
func assignedWith(t *testing.T, rule string, sizes []int, weight func(i int) uint32) *endpointv3.ClusterLoadAssignment {
	t.Helper()
	set := &mesh.EndpointSet{Host: translatetest.Echo().Host}
	for i, n := range sizes {
		for j := range n {
			e := at(fmt.Sprintf("10.%d.%d.%d", 100*i+j>>16, j>>8%256, j%256), zone(string(rune('a'+i))))
			e.Weight = weight(len(set.Endpoints))
			set.Endpoints = append(set.Endpoints, e)
		}
	}
	all := Translate(Input{service: translatetest.Echo(80), endpoints: set, destinationRule: translatetest.Merged(t, rule)})
	return all[0].Message.(*endpointv3.ClusterLoadAssignment)
}
