package endpoints

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

func TestClientTopologyHasOnlyWhatIsUsed(t *testing.T) {
	client := mesh.Client{
		Namespace: "demo", Locality: localityPattern("eu/a/r1"), Node: "n1", Labels: mesh.MakeLabels(map[string]string{"app": "shop", "v": "1"}),
	}
	app := func(e *mesh.Endpoint) { e.Labels = mesh.MakeLabels(map[string]string{"app": "echo", "v": "1"}) }
	endpoints, change := []string{"1 eu/a/r1", "2 us/b"}, map[int]func(*mesh.Endpoint){0: onN1, 1: app}
	labels := func(pairs map[string]string) ClientTopology { return ClientTopology{Labels: mesh.MakeLabels(pairs)} }
	tests := map[string]struct {
		settings string
		service  mesh.Service
		want     ClientTopology
	}{
		"nothing":         {"", mesh.Service{}, ClientTopology{}},
		"turned off":      {"localityLbSetting: {enabled: false}", mesh.Service{TrafficDistribution: mesh.PreferSameNode}, ClientTopology{}},
		"a place":         {"localityLbSetting: {}", mesh.Service{}, ClientTopology{Locality: localityPattern("eu/a/r1")}},
		"a zone":          {"", mesh.Service{TrafficDistribution: mesh.PreferSameZone}, ClientTopology{Locality: localityPattern("eu/a")}},
		"hints":           {"", mesh.Service{TrafficDistribution: mesh.PreferHinted}, ClientTopology{Locality: localityPattern("/a")}},
		"a node":          {"", mesh.Service{TrafficDistribution: mesh.PreferSameNode}, ClientTopology{Locality: localityPattern("eu/a"), Node: "n1"}},
		"the node alone":  {"", mesh.Service{InternalTrafficPolicyLocal: true}, ClientTopology{Node: "n1"}},
		"a label":         {"localityLbSetting: {failoverPriority: [v]}", mesh.Service{}, labels(map[string]string{"v": "1"})},
		"a label unknown": {"localityLbSetting: {failoverPriority: [app]}", mesh.Service{}, labels(map[string]string{"app": otherValue})},
		"a value written": {"localityLbSetting: {failoverPriority: [app=echo]}", mesh.Service{}, ClientTopology{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := near{settings: test.settings, service: test.service, client: client, endpoints: endpoints, change: change}
			if diff := cmp.Diff(n.input(t).topology, test.want); diff != "" {
				t.Errorf("topology (-got +want):\n%s", diff)
			}
		})
	}
}

// TestInventedPlacesAddNothing: all clients that state unknown localities share their endpoints.
func TestInventedPlacesAddNothing(t *testing.T) {
	n := near{
		settings:  "localityLbSetting: {failoverPriority: [app, kubernetes.io/hostname], failover: [{from: eu, to: us}]}",
		endpoints: []string{"1 eu/a/r1", "2 us/b"},
	}
	use, seen := TopologyUseOf(n.input(t)), map[ClientTopology]bool{}
	for i := range 100 {
		name := fmt.Sprint("x", i)
		seen[use.Project(mesh.Client{
			Locality: mesh.Locality{Region: name, Zone: name, SubZone: name}, Node: name, Labels: mesh.MakeLabels(map[string]string{"app": name}),
		})] = true
	}
	if len(seen) != 1 {
		t.Errorf("got %d topologies, want 1", len(seen))
	}
}

// TestProjectionLosesNothing: a client gets the same endpoints with its full topology and with the projected one.
func TestProjectionLosesNothing(t *testing.T) {
	for i := range seeds.Of(2000) {
		o := translatetest.RandomObjects(translatetest.RandomBytes(i), "echo")
		in := Input{service: o.Service, endpoints: o.Endpoints, destinationRule: o.Rule}
		d := &translatetest.Dice{Data: translatetest.RandomBytes(i + 1<<15)}
		client := mesh.Client{
			Locality: mesh.Locality{Region: translatetest.Pick(d, "", "eu", "us", "x"), Zone: translatetest.Pick(d, "", "a", "b", "x"), SubZone: translatetest.Pick(d, "", "r")},
			Node:     translatetest.Pick(d, "", "n1", "x"), Labels: mesh.MakeLabels(map[string]string{translatetest.Pick(d, translatetest.Words...): translatetest.Pick(d, translatetest.Words...)}),
		}
		in.destinationRule = translatetest.Pick(d, in.destinationRule, &mesh.MergedDestinationRule{TrafficPolicy: &networking.TrafficPolicy{LoadBalancer: randomPreference(d)}})
		setAnnotations(d, in)
		client.Bucket = uint16(d.Roll(4))
		in.topology = ClientTopology{Locality: client.Locality, Node: client.Node, Labels: client.Labels, Bucket: client.Bucket}
		want := Translate(in)
		in.topology = TopologyUseOf(in).Project(client)
		got := Translate(in)
		for j, r := range got {
			if a, b := translatetest.CompactJSON(t, r.Message), translatetest.CompactJSON(t, want[j].Message); a != b {
				t.Fatalf("%d: %s\nprojected %s\nin full   %s", i, r.Name, a, b)
			}
			for _, complaint := range translatetest.Complaints(r) {
				t.Errorf("%d: %s %s", i, r.Name, complaint)
			}
		}
	}
}

// setAnnotations sets random values of annotations.
func setAnnotations(d *translatetest.Dice, in Input) {
	if in.service != nil {
		in.service.Annotations.SubsetSize.Value = translatetest.Pick[uint32](d, 0, 1, 2, 3)
		in.service.Annotations.Balancer.Value = translatetest.Pick(d, "", mesh.PickFirst, mesh.WeightedRoundRobin)
	}
	if in.endpoints != nil {
		for i := range in.endpoints.Endpoints {
			in.endpoints.Endpoints[i].Weight = translatetest.Pick[uint32](d, 0, 0, 1, 3, mesh.MaxEndpointWeight)
		}
	}
}

// randomPreference returns a random locality setting. Most of its localities exist.
func randomPreference(d *translatetest.Dice) *networking.LoadBalancerSettings {
	locality := func() string { return translatetest.Pick(d, "eu", "eu/a", "eu/*", "us", "*", "x/x", "*/b", "eu/b/r") }
	failover := []*networking.LocalityLoadBalancerSetting_Failover{{From: translatetest.Pick(d, "eu", "us", "x"), To: translatetest.Pick(d, "eu", "us", "")}}
	labels := []string{translatetest.Pick(d, "a", "echo=a", mesh.LabelRegion, mesh.LabelHostname), translatetest.Pick(d, mesh.LabelZone, mesh.LabelSubZone, "v1", "v1=v2")}
	switch d.Roll(4) {
	case 0:
		return &networking.LoadBalancerSettings{LocalityLbSetting: &networking.LocalityLoadBalancerSetting{Failover: failover}}
	case 1:
		return &networking.LoadBalancerSettings{LocalityLbSetting: &networking.LocalityLoadBalancerSetting{FailoverPriority: labels, Failover: failover[d.Roll(2):]}}
	case 2:
		return &networking.LoadBalancerSettings{ZoneAwareLbSetting: &networking.ZoneAwareLoadBalancerSetting{FailoverPriority: labels[d.Roll(3):]}}
	}
	rule := &networking.LocalityLoadBalancerSetting_Distribute{From: locality(), To: map[string]uint32{locality(): uint32(d.Roll(3)), locality(): 50}}
	return &networking.LoadBalancerSettings{
		LocalityLbSetting: &networking.LocalityLoadBalancerSetting{Distribute: []*networking.LocalityLoadBalancerSetting_Distribute{rule}},
	}
}
