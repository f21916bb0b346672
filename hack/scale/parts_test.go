package main

import (
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func assignment(t *testing.T, name, address string) *anypb.Any {
	t.Helper()
	a, err := anypb.New(&endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{
		LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: address}}},
		}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestResponseIsTakenApart(t *testing.T) {
	message := &discoveryv3.DiscoveryResponse{
		VersionInfo: "v", Nonce: "n", TypeUrl: typeURLs[endpoints], Canary: true, ControlPlane: &corev3.ControlPlane{Identifier: "x"},
		Resources: []*anypb.Any{assignment(t, "a", markedAddress(70_000)), assignment(t, "b", "10.0.0.1")},
	}
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	c := newCatalog(false)
	r := &response{catalog: c}
	var first []*resource
	for range 2 {
		if err := (codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, r); err != nil {
			t.Fatal(err)
		}
		if r.version != "v" || r.nonce != "n" || r.typeURL != typeURLs[endpoints] || r.size != len(data) || len(r.resources) != 2 {
			t.Fatalf("got %+v", r)
		}
		if r.resources[0].marker != 70_000 || r.resources[1].marker != 0 || r.resources[1].name != "b" {
			t.Errorf("got %+v and %+v", r.resources[0], r.resources[1])
		}
		if first != nil && first[0] != r.resources[0] {
			t.Error("equal bytes gave two resources")
		}
		first = r.resources
	}
	if err := (codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data[:len(data)-1])}, r); err == nil {
		t.Error("an incomplete response was accepted")
	}
}

func TestWhatIsLeftOutIsForgotten(t *testing.T) {
	a, b := &resource{name: "a"}, &resource{name: "b"}
	s := subscription{resources: map[string]*resource{"a": a, "b": b}}
	s.forget([]*resource{a, b})
	if len(s.resources) != 2 {
		t.Fatalf("%d resources are left, want the two that were listed", len(s.resources))
	}
	if s.forget([]*resource{b}); len(s.resources) != 1 || s.resources["b"] != b {
		t.Errorf("%v are left, want only what was listed", s.resources)
	}
}

func TestMarkers(t *testing.T) {
	for _, marker := range []int{1, 255, 256, 65_536, maxAddressMarker} {
		if got := markerOf(markedAddress(marker)); got != marker {
			t.Errorf("%d became %d", marker, got)
		}
	}
	for _, marker := range []int{0, 1, maxMarker} {
		path := markedPath(marker)
		if found := markedPaths.FindString("x" + path + "0"); found != path || len(path) != len(markedPath(0)) {
			t.Errorf("%s became %s", path, found)
		}
		if got := markerOfPath([]byte(path)); got != marker {
			t.Errorf("%d became %d", marker, got)
		}
	}
	for _, address := range []string{"10.1.2.3", "::1", "", "11.1.2"} {
		if got := markerOf(address); got != 0 {
			t.Errorf("%q has the marker %d", address, got)
		}
	}
}

func TestLedger(t *testing.T) {
	l := newLedger()
	s, other := subject{endpoints, 1}, subject{routes, 1}
	first := &change{subject: s, marker: 5, due: 2}
	second := &change{subject: s, marker: 6, due: 2}
	for _, c := range []*change{first, second, {subject: s, marker: 7}} {
		l.announce(c)
	}
	now := time.Now()
	l.received(other, 0, 9, now) // another subject
	l.received(s, 0, 4, now)     // an older change
	l.received(s, 4, 5, now)
	l.received(s, 0, 6, now) // both at once
	l.received(s, 6, 9, now) // this stream already had both
	if got := l.wait(t.Context(), time.Millisecond); got != 1 {
		t.Errorf("%d receipts are missing, want the second change's one", got)
	}
	if len(first.receipts) != 2 || len(second.receipts) != 1 {
		t.Errorf("%d and %d receipts, want 2 and 1", len(first.receipts), len(second.receipts))
	}
	third := &change{subject: s, marker: 8, due: 1}
	l.announce(third)
	l.received(s, 6, 8, now)
	if got := l.wait(t.Context(), time.Hour); got != 0 {
		t.Errorf("%d receipts are missing, want none", got)
	}
}

func TestPlan(t *testing.T) {
	o := &options{services: 500, drawn: 200, streams: 100, names: 10, rules: 0.1, ports: 3, seed: 1, scenarios: []string{scenarioHot}}
	p, again := newPlan(o), newPlan(o)
	ruled := 0
	for s := range o.services {
		if p.ruled(s) {
			ruled++
		}
		if s >= o.drawn && p.subscribers[s] > 0 {
			t.Errorf("service %d was chosen, among the first %d", s, o.drawn)
		}
		if got := serviceOf(p.listener(s)); got != s {
			t.Errorf("listener %s is of %d", p.listener(s), got)
		}
	}
	if ruled != 50 {
		t.Errorf("%d services have rules, want a tenth", ruled)
	}
	if p.subscribers[hotService] != o.streams {
		t.Errorf("%d streams subscribe to the hot service, want all", p.subscribers[hotService])
	}
	if len(p.moving) == 0 || len(p.shifting) == 0 {
		t.Error("nothing can change")
	}
	for id, wanted := range p.wanted {
		if len(wanted) != o.names || wanted[3] != again.wanted[id][3] {
			t.Fatalf("stream %d subscribes to %v, then to %v", id, wanted, again.wanted[id])
		}
	}
	if serviceOf("other.ns.svc:1") != -1 {
		t.Error("a Listener of another server counts as one of the plan")
	}
}

func TestQuantilesAndSlope(t *testing.T) {
	all := []time.Duration{5, 1, 4, 2, 3}
	if a, b, c := quantile(all, 0.5), quantile(all, 0.99), quantile(nil, 1); a != 3 || b != 5 || c != 0 {
		t.Errorf("got %v, %v, %v", a, b, c)
	}
	if got := slope([]float64{0, 1, 2}, []float64{1, 3, 5}); got != 2 {
		t.Errorf("slope %v, want 2", got)
	}
	if got := slope([]float64{1}, []float64{1}); got != 0 {
		t.Errorf("slope of a point is %v", got)
	}
}
