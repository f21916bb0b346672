package endpoints

import (
	"math"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func weighing(n uint32) func(*mesh.Endpoint) { return func(e *mesh.Endpoint) { e.Weight = n } }

// TestWeightedEndpoints checks that each weight has a locality.
func TestWeightedEndpoints(t *testing.T) {
	weights := map[int]func(*mesh.Endpoint){0: weighing(3), 1: weighing(1), 3: weighing(3)}
	const shares = "localityLbSetting: {distribute: [{from: '*', to: {eu: 80, us: 20}}]}"
	const ring = "consistentHash: {httpHeaderName: x}"
	nearTests{
		"one locality":     {near{endpoints: []string{"1 eu/a", "2 eu/a", "3 eu/a"}, change: weights}, []string{"eu/a=2:.2.3 eu/a/weight=3=3:.1"}},
		"nowhere":          {near{endpoints: []string{"1", "2", "3"}, change: weights}, []string{"=2:.2.3 //weight=3=3:.1"}},
		"in sub-zones":     {near{endpoints: []string{"1 eu/a/r", "2 eu/a/r"}, change: weights}, []string{"eu/a/r=1:.2 eu/a/r/weight=3=3:.1"}},
		"all alike":        {near{endpoints: []string{"1 eu/a", "2 eu/a"}, change: map[int]func(*mesh.Endpoint){0: weighing(3), 1: weighing(3)}}, []string{"eu/a/weight=3=6:.1.2"}},
		"several places":   {near{endpoints: []string{"1 eu/a", "2 eu/a", "3 us/a", "4 us/a"}, change: weights}, []string{"eu/a=1:.2 eu/a/weight=3=3:.1 us/a=1:.3 us/a/weight=3=3:.4"}},
		"by failover":      {near{settings: "localityLbSetting: {}", client: from("us/a"), endpoints: []string{"1 eu/a", "2 eu/a", "3 us/a", "4 us/a"}, change: weights}, []string{"us/a=1:.3 us/a/weight=3=3:.4", "eu/a=1:.2 eu/a/weight=3=3:.1"}},
		"of each share":    {near{settings: shares, endpoints: []string{"1 eu/a", "2 eu/a", "3 us/a"}, change: weights}, []string{"eu/a=1:.2 eu/a/weight=3=3:.1 us/a=1:.3"}},
		"of shared places": {near{settings: shares, endpoints: []string{"1 eu/a", "2 eu/b", "3 us/a"}, change: weights}, []string{"eu/a/weight=3=3:.1 eu/b=1:.2 us/a=1:.3"}},
		"capacity of zones": {
			near{settings: "zoneAwareLbSetting: {minClusterSize: 2}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b", "3 eu/b", "4 eu/b"}, change: map[int]func(*mesh.Endpoint){0: weighing(3)}},
			[]string{"eu/a/weight=3=1:.1", "eu/b=3:.2.3.4"},
		},
		"spilling by weight": {
			near{settings: "zoneAwareLbSetting: {minClusterSize: 2}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 eu/b"}, change: map[int]func(*mesh.Endpoint){1: weighing(3)}},
			[]string{"eu/a=1:.1 eu/b/weight=3=1:.2"},
		},
		"on a ring": {near{settings: ring, endpoints: []string{"1 eu/a", "2 eu/a", "3 eu/a"}, change: weights}, []string{"eu/a=5:.1.2.3"}},
		"pick first": {
			near{service: mesh.Service{Annotations: mesh.AnnotationSettings{Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst}}}, endpoints: []string{"1 eu/a", "2 eu/a"}, change: weights},
			[]string{"eu/a=4:.1.2"},
		},
	}.run(t)
}

// TestWeightsOnRings computes every endpoint's share of the ring, with weights and with shares of the calls, and
// checks that the sum of the products fits into 32 bits.
func TestWeightsOnRings(t *testing.T) {
	shared := "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a}, localityLbSetting: {distribute: [{from: '*', to: {'/a': 99999, '/b': 1}}]}}}"
	plain := "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a}}}"
	tests := map[string]struct {
		rule   string
		sizes  []int
		weight func(i int) uint32
		// off is the accepted relative error of an endpoint's share.
		off float64
	}{
		"one locality":      {plain, []int{3}, func(i int) uint32 { return uint32(i + 1) }, .001},
		"several":           {plain, []int{5, 2}, func(i int) uint32 { return uint32(i%3 + 1) }, .001},
		"heavy and many":    {plain, []int{2000, 500}, func(i int) uint32 { return uint32(500 + i%500) }, .01},
		"very many":         {plain, []int{70000}, func(int) uint32 { return 0 }, .1},
		"shares and many":   {shared, []int{6500, 3}, func(int) uint32 { return 0 }, .2},
		"shares and weight": {shared, []int{6500, 3}, func(i int) uint32 { return uint32(1 + i%2*999) }, math.Inf(1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cla := assignedWith(t, test.rule, test.sizes, test.weight)
			products := uint64(0)
			for _, l := range cla.GetEndpoints() {
				for _, e := range l.GetLbEndpoints() {
					products += uint64(l.GetLoadBalancingWeight().GetValue()) * uint64(e.GetLoadBalancingWeight().GetValue())
				}
			}
			if products > math.MaxInt32 {
				t.Errorf("the products of the weights sum to %d, which needs more than 31 bits", products)
			}
			if test.rule == plain {
				checkShares(t, cla, products, test.weight, test.off)
			}
			if complaints := translatetest.Complaints(resource.Resource{Name: cla.GetClusterName(), Message: cla}); len(complaints) > 0 {
				t.Errorf("clients reject the endpoints: %v", complaints[0])
			}
		})
	}
}

// checkShares compares the endpoints' shares of the ring with their weights.
func checkShares(t *testing.T, cla *endpointv3.ClusterLoadAssignment, products uint64, weight func(int) uint32, off float64) {
	t.Helper()
	all, i := 0.0, 0
	for _, l := range cla.GetEndpoints() {
		for range l.GetLbEndpoints() {
			all += float64(max(weight(i), 1))
			i++
		}
	}
	i = 0
	for _, l := range cla.GetEndpoints() {
		for _, e := range l.GetLbEndpoints() {
			got := float64(l.GetLoadBalancingWeight().GetValue()) * float64(e.GetLoadBalancingWeight().GetValue()) / float64(products)
			if want := float64(max(weight(i), 1)) / all; math.Abs(got-want) > want*off {
				t.Fatalf("endpoint %d has %v of the ring, want %v", i, got, want)
			}
			i++
		}
	}
}

// TestUnweightedStaysAsItIs checks that endpoints with the weight 1 and without a weight give the same result.
func TestUnweightedStaysAsItIs(t *testing.T) {
	for name, rule := range map[string]string{
		"round robin": "{}", "ring": "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a}}}",
		"shares": "trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: '*', to: {'/a': 80, '/b': 20}}]}}}",
	} {
		none := assignedWith(t, rule, []int{5, 2}, func(int) uint32 { return 0 })
		if written := assignedWith(t, rule, []int{5, 2}, func(int) uint32 { return 1 }); !proto.Equal(none, written) {
			t.Errorf("%s: got %v with weight 1, want the same as without weights: %v", name, written, none)
		}
	}
}
