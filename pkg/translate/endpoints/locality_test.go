package endpoints

import (
	"fmt"
	"strings"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// near is a client and the endpoints of a Service. An endpoint is written as the last octet of its address and its
// locality: "1 eu/a".
type near struct {
	// settings is a rule's LoadBalancer. If it is empty, there is no rule.
	settings  string
	service   mesh.Service
	client    mesh.Client
	endpoints []string
	// change has functions that change the endpoint at an index.
	change map[int]func(*mesh.Endpoint)
}

func from(locality string) mesh.Client { return mesh.Client{Locality: localityPattern(locality)} }

func onN1(e *mesh.Endpoint) { e.Topology = e.Topology.At("n1", e.Topology.Locality()) }

func hinted(zones ...string) func(*mesh.Endpoint) {
	return func(e *mesh.Endpoint) {
		e.Topology = mesh.MakeTopology(e.Topology.Node(), e.Topology.Locality(), zones...)
	}
}

func (n near) input(t *testing.T) Input {
	t.Helper()
	s := n.service
	s.Ref, s.Host, s.Ports = translatetest.Echo().Ref, translatetest.Echo().Host, translatetest.Echo(80).Ports
	in := Input{service: &s, endpoints: &mesh.EndpointSet{Host: s.Host}}
	if n.settings != "" {
		in.destinationRule = &mesh.MergedDestinationRule{TrafficPolicy: &networking.TrafficPolicy{LoadBalancer: translatetest.Parse(t, &networking.LoadBalancerSettings{}, n.settings)}}
	}
	for i, text := range n.endpoints {
		octet, locality, _ := strings.Cut(text, " ")
		e := at("10.0.0." + octet)
		e.Topology = mesh.MakeTopology("", localityPattern(locality))
		if f := n.change[i]; f != nil {
			f(&e)
		}
		in.endpoints.Endpoints = append(in.endpoints.Endpoints, e)
	}
	in.topology = TopologyUseOf(in).Project(n.client)
	return in
}

// lines returns the client's endpoints: one line for each priority, with each locality, its weight and the last
// octets.
func (n near) lines(t *testing.T) []string {
	t.Helper()
	r := Translate(n.input(t))[0]
	for _, complaint := range translatetest.Complaints(r) {
		t.Error(complaint)
	}
	var lines []string
	for _, l := range r.Message.(*endpointv3.ClusterLoadAssignment).GetEndpoints() {
		subZone, _, _ := strings.Cut(l.GetLocality().GetSubZone(), "~") // It tells the priorities apart.
		locality := strings.TrimRight(l.GetLocality().GetRegion()+"/"+l.GetLocality().GetZone()+"/"+subZone, "/")
		text := fmt.Sprintf("%s=%d:", locality, l.GetLoadBalancingWeight().GetValue())
		for _, e := range l.GetLbEndpoints() {
			text += strings.TrimPrefix(e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress(), "10.0.0")
		}
		if int(l.GetPriority()) == len(lines) {
			lines = append(lines, text)
		} else {
			lines[len(lines)-1] += " " + text
		}
	}
	return lines
}

type nearTests map[string]struct {
	near
	want []string
}

func (tests nearTests) run(t *testing.T) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.lines(t), test.want); diff != "" {
				t.Errorf("endpoints (-got +want):\n%s", diff)
			}
		})
	}
}

func TestFailover(t *testing.T) {
	world := []string{"1 eu/a/r1", "2 eu/a/r2", "3 eu/b/r1", "4 us/a/r1", "5 as/a/r1"}
	const on = "localityLbSetting: {}"
	nearTests{
		"nothing said":             {near{client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"turned off":               {near{settings: "localityLbSetting: {enabled: false}", client: from("eu/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"sub-zone, zone, region":   {near{settings: on, client: from("eu/a/r1"), endpoints: world}, []string{"eu/a/r1=1:.1", "eu/a/r2=1:.2", "eu/b/r1=1:.3", "as/a/r1=1:.5 us/a/r1=1:.4"}},
		"no sub-zone stated":       {near{settings: on, client: from("eu/a"), endpoints: world}, []string{"eu/a/r1=1:.1 eu/a/r2=1:.2", "eu/b/r1=1:.3", "as/a/r1=1:.5 us/a/r1=1:.4"}},
		"no zone stated":           {near{settings: on, client: from("us"), endpoints: world}, []string{"us/a/r1=1:.4", "as/a/r1=1:.5 eu/a/r1=1:.1 eu/a/r2=1:.2 eu/b/r1=1:.3"}},
		"nothing stated":           {near{settings: on, endpoints: []string{"1", "2 eu/a"}}, []string{"=1:.1 eu/a=1:.2"}},
		"far from all":             {near{settings: on, client: from("af/x"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1 us/a=1:.2"}},
		"nobody in the zone":       {near{settings: on, client: from("eu/c"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"eu/a=1:.1", "us/a=1:.2"}},
		"same zone name abroad":    {near{settings: on, client: from("us/a"), endpoints: []string{"1 eu/a", "2 us/a"}}, []string{"us/a=1:.2", "eu/a=1:.1"}},
		"regions not known":        {near{settings: on, client: from("eu/a"), endpoints: []string{"1 /a", "2 /b"}}, []string{"/a=1:.1", "/b=1:.2"}},
		"no endpoints":             {near{settings: on, client: from("eu/a")}, nil},
		"a region stands by":       {near{settings: "localityLbSetting: {failover: [{from: us, to: as}, {from: eu, to: us}]}", client: from("eu/b"), endpoints: world}, []string{"eu/b/r1=1:.3", "eu/a/r1=1:.1 eu/a/r2=1:.2", "us/a/r1=1:.4", "as/a/r1=1:.5"}},
		"stands by for another":    {near{settings: "localityLbSetting: {failover: [{from: us, to: as}]}", client: from("eu/b"), endpoints: []string{"4 us/a", "5 as/a"}}, []string{"as/a=1:.5 us/a=1:.4"}},
		"from a place without one": {near{settings: "localityLbSetting: {failover: [{from: af, to: us}]}", client: from("af/x"), endpoints: []string{"4 us/a", "5 as/a"}}, []string{"us/a=1:.4", "as/a=1:.5"}},
	}.run(t)
}

func TestFailoverPriority(t *testing.T) {
	label := func(pairs ...string) func(*mesh.Endpoint) {
		return func(e *mesh.Endpoint) {
			set := map[string]string{}
			for _, p := range pairs {
				key, value, _ := strings.Cut(p, "=")
				set[key] = value
			}
			e.Labels = mesh.MakeLabels(set)
		}
	}
	labelled := map[int]func(*mesh.Endpoint){0: label("v=1", "app=x"), 1: label("v=1"), 2: label("app=x"), 3: label()}
	all := []string{"1 eu/a", "2 eu/a", "3 eu/a", "4 us/a"}
	client := func(labels ...string) mesh.Client {
		e := mesh.Endpoint{}
		label(labels...)(&e)
		return mesh.Client{Labels: e.Labels, Locality: localityPattern("us/a"), Node: "n1"}
	}
	inCluster := func(name string) func(*mesh.Endpoint) {
		return func(e *mesh.Endpoint) { e.Topology = e.Topology.In(name, "") }
	}
	clusters := map[int]func(*mesh.Endpoint){0: inCluster("b"), 1: inCluster("a"), 2: inCluster("b"), 3: inCluster("c")}
	at := func(list string) string { return "localityLbSetting: {failoverPriority: [" + list + "]}" }
	nearTests{
		"the client's own":      {near{settings: at("v, app"), client: client("v=1", "app=x"), endpoints: all, change: labelled}, []string{"eu/a=1:.1", "eu/a=1:.2", "eu/a=1:.3 us/a=1:.4"}},
		"as written":            {near{settings: at("app=x, v=1"), endpoints: all, change: labelled}, []string{"eu/a=1:.1", "eu/a=1:.3", "eu/a=1:.2 us/a=1:.4"}},
		"the client has none":   {near{settings: at("v"), client: client(), endpoints: all, change: labelled}, []string{"eu/a=1:.3 us/a=1:.4", "eu/a=2:.1.2"}},
		"another value":         {near{settings: at("v"), client: client("v=2"), endpoints: all, change: labelled}, []string{"eu/a=3:.1.2.3 us/a=1:.4"}},
		"region":                {near{settings: at("topology.kubernetes.io/region"), client: client(), endpoints: all}, []string{"us/a=1:.4", "eu/a=3:.1.2.3"}},
		"region not known":      {near{settings: at("topology.kubernetes.io/region"), client: client(), endpoints: []string{"1 /a", "2 /b"}}, []string{"/a=1:.1", "/b=1:.2"}},
		"zone and sub-zone":     {near{settings: at("topology.kubernetes.io/zone, topology.istio.io/subzone"), client: from("eu/a/r1"), endpoints: []string{"1 eu/a/r1", "2 eu/a/r2", "3 eu/b/r1"}}, []string{"eu/a/r1=1:.1", "eu/a/r2=1:.2", "eu/b/r1=1:.3"}},
		"node":                  {near{settings: at("kubernetes.io/hostname"), client: client(), endpoints: all, change: map[int]func(*mesh.Endpoint){1: onN1}}, []string{"eu/a=1:.2", "eu/a=2:.1.3 us/a=1:.4"}},
		"cluster":               {near{settings: at("topology.istio.io/cluster"), client: client("topology.istio.io/cluster=a"), endpoints: all, change: clusters}, []string{"eu/a=1:.2", "eu/a=2:.1.3 us/a=1:.4"}},
		"cluster as written":    {near{settings: at("topology.istio.io/cluster=c"), endpoints: all, change: clusters}, []string{"us/a=1:.4", "eu/a=3:.1.2.3"}},
		"and regions besides":   {near{settings: "localityLbSetting: {failoverPriority: [v=1], failover: [{from: us, to: eu}]}", client: client(), endpoints: []string{"1 eu/a", "2 us/a", "3 as/a", "4 us/a"}, change: labelled}, []string{"us/a=1:.2", "eu/a=1:.1", "us/a=1:.4", "as/a=1:.3"}},
		"no regions, no places": {near{settings: at("v=1"), client: from("us/a"), endpoints: []string{"1 eu/a", "2 us/a"}, change: labelled}, []string{"eu/a=1:.1 us/a=1:.2"}},
	}.run(t)
}
