package serving_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

func sliceOf(name string, endpoints bool) string {
	s := "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + name + "-1, namespace: demo, labels: {kubernetes.io/service-name: " + name + "}}\naddressType: IPv4\nports: [{name: http, port: 8080}]\n"
	if endpoints {
		return s + "endpoints: [{addresses: [10.0.0.1]}]\n---\n"
	}
	return s + "endpoints: []\n---\n"
}

func wholeName(name string) string { return "outbound|8080||" + name + ".demo.svc.cluster.local" }

var shopEnvoy = &corev3.Node{UserAgentName: "envoy", Metadata: snapshottest.Metadata("NAMESPACE", "demo")}

// TestNothingOfAClaim has a Service lose its endpoints while an Envoy is away. It keeps what it has for a while, of which nothing is known: it is sent no resource
// without a body.
func TestNothingOfAClaim(t *testing.T) {
	for _, delta := range []bool{true, false} {
		t.Run(fmt.Sprint(delta), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := serving.NewStore(serving.Options{})
				world := snapshottest.Load(t, []string{aService("a"), sliceOf("a", true), aService("b"), sliceOf("b", true)})
				store.Publish(world)
				names := []string{wholeName("a"), wholeName("b")}
				store.Publish(share(world, snapshottest.Load(t, []string{aService("a"), sliceOf("a", false), aService("b"), sliceOf("b", true), aService("c")})))
				session := store.Open(serving.ClientInfoOf(shopEnvoy, "", ""), nil)
				defer session.Close()
				old := map[string]string{names[0]: "old", names[1]: "old"}
				if delta {
					session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.ClusterType), InitialResourceVersions: old})
				} else {
					session.Request(&serving.Request{Type: snapshot.ClusterType, Version: "old"})
				}
				for r := session.Next(); r != nil; r = session.Next() {
					session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
				}
				if delta {
					session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: names, InitialResourceVersions: old})
				} else {
					session.Request(&serving.Request{Type: snapshot.EndpointType, Names: slices.Clone(names), Version: "old"})
				}
				for r := session.Next(); r != nil; r = session.Next() {
					for _, v := range r.Resources {
						t.Logf("%s %s: %d bytes, version %q", r.Type.ShortName(), v.Name, len(v.Wire()), v.Version)
						if len(v.Wire()) == 0 {
							t.Errorf("%s %s has no body, any %v", r.Type.ShortName(), v.Name, v.Any())
						}
					}
					if delta {
						session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
					} else {
						req := &serving.Request{Type: r.Type, Version: r.Version, Nonce: r.Nonce}
						if r.Type == snapshot.EndpointType {
							req.Names = slices.Clone(names)
						}
						session.Request(req)
					}
				}
			})
		})
	}
}

// TestAllRefused has an Envoy refuse everything. What it is sent grows with the number of resources, and not with its square.
func TestAllRefused(t *testing.T) {
	for _, n := range []int{50, 400} {
		var services, names []string
		for i := range n {
			services = append(services, aService(fmt.Sprintf("s%04d", i)))
			names = append(names, wholeName(fmt.Sprintf("s%04d", i)))
		}
		store := serving.NewStore(serving.Options{})
		store.Publish(snapshottest.Load(t, services))
		session := store.Open(serving.ClientInfoOf(shopEnvoy, "", ""), nil)
		session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.RouteType), ResourceNamesSubscribe: names})
		responses, sent, bytes := 0, 0, 0
		for r := session.Next(); r != nil && responses < 100000; r = session.Next() {
			responses++
			sent += len(r.Resources)
			for _, v := range r.Resources {
				bytes += len(v.Wire())
			}
			session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce, ErrorDetail: &statuspb.Status{Message: "invalid escape sequence"}})
		}
		session.Close()
		t.Logf("%d routes: %d responses, %d resources sent, %d bytes", n, responses, sent, bytes)
		if sent > 20*n {
			t.Errorf("%d routes were sent %d times", n, sent)
		}
	}
}

// TestOneRefusal has an Envoy refuse something once. Later responses are as large as before.
func TestOneRefusal(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	var one, two []string
	names := []string{}
	for i := range 20 {
		n := fmt.Sprintf("s%04d", i)
		names = append(names, wholeName(n))
		one = append(one, aService(n), sliceOf(n, true))
		two = append(two, aService(n), sliceOf(n, false))
	}
	world := snapshottest.Load(t, one)
	store.Publish(world)
	session := store.Open(serving.ClientInfoOf(shopEnvoy, "", ""), nil)
	defer session.Close()
	session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: names[:2]})
	ack := func(why *statuspb.Status) (sizes []int) {
		for r := session.Next(); r != nil; r = session.Next() {
			sizes = append(sizes, len(r.Resources))
			session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce, ErrorDetail: why})
			why = nil
		}
		return sizes
	}
	t.Log(ack(&statuspb.Status{Message: "whatever, once"}))
	session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: names})
	t.Log(ack(nil))
	store.Publish(share(world, snapshottest.Load(t, two)))
	got := ack(nil)
	t.Log(got)
	if len(got) > 1 {
		t.Errorf("a change of 20 endpoints takes %d responses after one refusal long ago", len(got))
	}
}

// TestRefusedWithOthers has an Envoy refuse a response that also has endpoints for which a cluster waits: these are sent again.
func TestRefusedWithOthers(t *testing.T) {
	policy := func(lb string) string {
		return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: demo}\nspec: {host: a, trafficPolicy: {loadBalancer: {simple: " + lb + "}}}\n---\n"
	}
	synctest.Test(t, func(t *testing.T) {
		store := serving.NewStore(serving.Options{})
		world := snapshottest.Load(t, []string{aService("a"), sliceOf("a", true), aService("b"), sliceOf("b", true), policy("ROUND_ROBIN")})
		store.Publish(world)
		session := store.Open(serving.ClientInfoOf(shopEnvoy, "", ""), nil)
		defer session.Close()
		session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.ClusterType)})
		session.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: []string{wholeName("a"), wholeName("b")}})
		warming := false
		take := func(refuse bool) {
			for r := session.Next(); r != nil; r = session.Next() {
				req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce}
				bad := false
				for _, v := range r.Resources {
					t.Logf("%s %s", r.Type.ShortName(), v.Name)
					bad = bad || refuse && r.Type == snapshot.EndpointType && v.Name == wholeName("b")
				}
				if bad {
					req.ErrorDetail = &statuspb.Status{Message: "malformed"}
					t.Log("refused")
				}
				for _, v := range r.Resources {
					if v.Name == wholeName("a") {
						if r.Type == snapshot.ClusterType {
							warming = true
						} else if !bad { // It stopped at b.
							warming = false
						}
					}
				}
				session.DeltaRequest(req)
			}
		}
		take(false)
		t.Log("--- change")
		store.Publish(share(world, snapshottest.Load(t, []string{aService("a"), sliceOf("a", true), aService("b"), sliceOf("b", true)[:0] + "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: b-1, namespace: demo, labels: {kubernetes.io/service-name: b}}\naddressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.0.0.9]}]\n---\n", policy("RANDOM")})))
		take(true)
		<-time.After(time.Minute)
		synctest.Wait()
		take(true)
		if warming {
			t.Error("the cluster a still waits for its endpoints")
		}
	})
}

// TestKeptClusters has an Envoy return with more endpoints than clusters are kept for it.
func TestKeptClusters(t *testing.T) {
	store := serving.NewStore(serving.Options{})
	store.Publish(snapshottest.Load(t, subsetNamed("v1")))
	var names []string
	for i := range 2000 {
		names = append(names, fmt.Sprintf("outbound|8080|s%04d|cart.demo.svc.cluster.local", 2000-i))
	}
	session := store.Open(serving.ClientInfoOf(shopEnvoy, "", ""), nil)
	defer session.Close()
	session.Request(&serving.Request{Type: snapshot.ClusterType, Version: "another"})
	session.Request(&serving.Request{Type: snapshot.EndpointType, Names: names, Version: "another"})
	if got := len(session.Next().Resources); got != 502 {
		t.Errorf("got %d clusters, want 500 that are kept and those of the Service", got)
	}
}
