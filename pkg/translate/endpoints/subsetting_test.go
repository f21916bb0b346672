package endpoints

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// subsetsByBucket returns the addresses of the endpoints that each bucket gets, with the subset size n.
func subsetsByBucket(n uint32, endpoints []mesh.Endpoint) []map[string]bool {
	service := translatetest.Echo(80)
	service.Annotations.SubsetSize.Value = n
	all := make([]map[string]bool, mesh.Buckets+1)
	for bucket := uint16(1); bucket <= mesh.Buckets; bucket++ {
		in := Input{service: service, endpoints: &mesh.EndpointSet{Host: service.Host, Endpoints: endpoints}, topology: ClientTopology{Bucket: bucket}}
		all[bucket] = map[string]bool{}
		for _, l := range Translate(in)[0].Message.(*endpointv3.ClusterLoadAssignment).GetEndpoints() {
			for _, e := range l.GetLbEndpoints() {
				all[bucket][e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()] = true
			}
		}
	}
	return all
}

func numbered(n int) []mesh.Endpoint {
	var all []mesh.Endpoint
	for i := range n {
		all = append(all, at(fmt.Sprintf("10.0.%d.%d", i/200, i%200)))
	}
	return all
}

// TestSubsettingIsEven counts the buckets of each endpoint.
func TestSubsettingIsEven(t *testing.T) {
	tests := map[string]struct {
		n, of int
		worst float64 // the largest accepted ratio of the most buckets of an endpoint to the fewest
	}{
		"one of three":           {1, 3, 1.15},
		"two of five":            {2, 5, 1.15},
		"five of twenty":         {5, 20, 1.4},
		"twenty of a hundred":    {20, 100, 1.5},
		"twenty of four hundred": {20, 400, 2.5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			counts := map[string]int{}
			for _, subset := range subsetsByBucket(uint32(test.n), numbered(test.of))[1:] {
				if len(subset) != test.n {
					t.Fatalf("got a subset of %d, want %d", len(subset), test.n)
				}
				for e := range subset {
					counts[e]++
				}
			}
			least, most := slices.Min(slices.Collect(maps.Values(counts))), slices.Max(slices.Collect(maps.Values(counts)))
			if ratio := float64(most) / float64(least); len(counts) != test.of || ratio > test.worst {
				t.Errorf("%d endpoints are in %d to %d buckets, a ratio of %.2f; want all %d, and a ratio of at most %.2f", len(counts), least, most, ratio, test.of, test.worst)
			}
		})
	}
}

// TestSubsettingIsStable removes one endpoint: only the buckets that had it change, by one endpoint. In reverse,
// this is also the test of an added endpoint.
func TestSubsettingIsStable(t *testing.T) {
	const n, of, gone = 5, 50, 17
	endpoints := numbered(of)
	address := endpoints[gone].Address
	before, after := subsetsByBucket(n, endpoints), subsetsByBucket(n, slices.Delete(slices.Clone(endpoints), gone, gone+1))
	changed := 0
	for bucket := range before {
		if !before[bucket][address] {
			if diff := cmp.Diff(before[bucket], after[bucket]); diff != "" {
				t.Fatalf("bucket %d did not have the endpoint, but changed:\n%s", bucket, diff)
			}
			continue
		}
		changed++
		kept := 0
		for e := range after[bucket] {
			kept += boolToInt(before[bucket][e])
		}
		if kept != n-1 || len(after[bucket]) != n {
			t.Fatalf("bucket %d kept %d of %d, want all others and one new endpoint", bucket, kept, n)
		}
	}
	if fair := mesh.Buckets * n / of; changed < fair/2 || changed > fair*2 {
		t.Errorf("%d buckets changed, want about %d", changed, fair)
	}
}

// TestSubsettingOfRanks checks that each rank has the subset size, and that shares of the calls do not change.
func TestSubsettingOfRanks(t *testing.T) {
	two := mesh.Service{Annotations: mesh.AnnotationSettings{SubsetSize: mesh.AnnotationValue[uint32]{Value: 2}}}
	three := mesh.Service{Annotations: mesh.AnnotationSettings{SubsetSize: mesh.AnnotationValue[uint32]{Value: 3}}}
	world := []string{"1 eu/a", "2 eu/a", "3 eu/a", "4 us/a", "5 us/a", "6 us/a", "7 us/a"}
	client := func(place string) mesh.Client { return mesh.Client{Locality: localityPattern(place), Bucket: 5} }
	const shares = "localityLbSetting: {distribute: [{from: '*', to: {eu: 75, us: 25}}]}"
	nearTests{
		"all alike":           {near{service: two, client: client(""), endpoints: world}, []string{"us/a=2:.5.6"}},
		"of each rank":        {near{settings: "localityLbSetting: {}", service: two, client: client("eu/a"), endpoints: world}, []string{"eu/a=2:.2.3", "us/a=2:.5.6"}},
		"of each share":       {near{settings: shares, service: two, client: client(""), endpoints: world}, []string{"eu/a=3:.2.3 us/a=1:.5"}},
		"without an identity": {near{service: two, client: from("eu/a"), endpoints: world}, []string{"eu/a=3:.1.2.3 us/a=4:.4.5.6.7"}},
		"no more than these":  {near{settings: shares, service: two, client: client(""), endpoints: []string{"1 eu/a", "4 us/a"}}, []string{"eu/a=3:.1 us/a=1:.4"}},
		"no more than three":  {near{settings: shares, service: three, client: client(""), endpoints: []string{"1 eu/a", "4 us/a", "5 us/a", "6 us/a"}, change: map[int]func(*mesh.Endpoint){3: in(mesh.NotReady)}}, []string{"eu/a=3:.1 us/a=1:.4.5"}},
		"some are not ready":  {near{service: two, client: client(""), endpoints: world, change: map[int]func(*mesh.Endpoint){4: in(mesh.NotReady)}}, []string{"us/a=2:.6.7"}},
	}.run(t)
}

// TestSubsettingDoesNotDependOnPorts checks that a client gets the same pods on all ports of a Service.
func TestSubsettingDoesNotDependOnPorts(t *testing.T) {
	service := translatetest.Echo(80, 81)
	service.Annotations.SubsetSize.Value = 3
	set := &mesh.EndpointSet{Host: service.Host, Endpoints: numbered(20)}
	for i := range set.Endpoints {
		set.Endpoints[i].Ports = []mesh.Port{{Name: "p80", Number: 1}, {Name: "p81", Number: 2}}
	}
	var subsets [2][]string
	for i, r := range Translate(Input{service: service, endpoints: set, topology: ClientTopology{Bucket: 9}}) {
		for _, e := range r.Message.(*endpointv3.ClusterLoadAssignment).GetEndpoints()[0].GetLbEndpoints() {
			subsets[i] = append(subsets[i], e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress())
		}
	}
	if diff := cmp.Diff(subsets[0], subsets[1]); diff != "" || len(subsets[0]) != 3 {
		t.Errorf("got %v on the first port, want 3, and the same on the other (-first +other):\n%s", subsets[0], diff)
	}
}
