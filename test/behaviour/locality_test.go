package behaviour

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// inZones is a Service whose backends are in the region eu, each in the zone and on the node of its version. fields
// are added to its spec.
func inZones(fields string, backends ...*backend) string {
	text := "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]" + fields + "}\n"
	for _, b := range backends {
		slice := b.slice("echo", "ready: true")
		text += "---\n" + strings.Replace(slice, "addresses:", fmt.Sprintf("zone: %s, nodeName: %s, addresses:", b.version, b.version), 1)
		text += fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: %s}}\n", b.version, b.version)
	}
	return text
}

func balancing(setting string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\n" +
		"spec: {host: echo, trafficPolicy: {loadBalancer: {" + setting + "}}}\n"
}

// at is a client in a zone of the region eu.
func at(zone, node string) bootstrap.Options {
	return bootstrap.Options{Namespace: "demo", Locality: mesh.Locality{Region: "eu", Zone: zone}, NodeName: node}
}

// revive restarts a stopped backend at the same address.
func (b *backend) revive(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
	if err != nil {
		t.Fatal(err)
	}
	server, ended := grpc.NewServer(), make(chan struct{})
	testgrpc.RegisterTestServiceServer(server, b)
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
}

// answers counts the answers to a number of calls by backend.
func answers(t *testing.T, client testgrpc.TestServiceClient, calls int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range calls {
		resp, err := call(t, client)
		if err != nil {
			t.Fatal(err)
		}
		got[resp.GetServerId()]++
	}
	return got
}

// wantOnly fails unless that zone answers all of 100 calls.
func wantOnly(t *testing.T, client testgrpc.TestServiceClient, zone string) {
	t.Helper()
	if got := answers(t, client, 100); got[zone] != 100 {
		t.Errorf("got answers from %v, want all of 100 from %s", got, zone)
	}
}

func TestLocalityFailsOverAndComesBack(t *testing.T) {
	a, b := newBackend(t, "a", "zone-a"), newBackend(t, "b", "zone-b")
	p := newPlane(t, inZones("", a, b), balancing("localityLbSetting: {enabled: true}"))
	inA, inB := p.dialAs("echo", at("zone-a", "")), p.dialAs("echo", at("zone-b", ""))
	wantOnly(t, inA, "zone-a")
	wantOnly(t, inB, "zone-b")

	a.server.Stop()
	until(t, inA, "zone b answers when zone a is down", answeredBy(b))
	wantOnly(t, inA, "zone-b")
	a.revive(t)
	until(t, inA, "zone a answers when it is back", answeredBy(a))
	wantOnly(t, inA, "zone-a")

	p.write("objects.yaml", inZones("", b), balancing("localityLbSetting: {enabled: true}"))
	until(t, inA, "zone b answers when zone a has no endpoint", answeredBy(b))
	p.write("objects.yaml", inZones("", a, b), balancing("localityLbSetting: {enabled: true}"))
	until(t, inA, "zone a answers when it has one again", answeredBy(a))
	wantOnly(t, inB, "zone-b")
}

func TestLocalityShares(t *testing.T) {
	a, b, c := newBackend(t, "a", "zone-a"), newBackend(t, "b", "zone-b"), newBackend(t, "c", "zone-c")
	p := newPlane(t, inZones("", a, b, c), balancing(
		"localityLbSetting: {distribute: [{from: eu/zone-a/*, to: {eu/zone-a/*: 80, eu/zone-b/*: 20}}, {from: eu/zone-c, to: {eu/zone-c: 100}}]}"))
	const calls = 2000
	client := p.dialAs("echo", at("zone-a", ""))
	until(t, client, "both zones are connected", spread(t, client))
	got := answers(t, client, calls)
	// Pearson's chi-squared test with one degree of freedom. A correct client exceeds 23.9 once in a million times.
	off := float64(got["zone-a"]) - 0.8*calls
	if chi := off*off/(0.8*calls) + off*off/(0.2*calls); chi > 23.9 || got["zone-c"] != 0 {
		t.Errorf("%v of %d calls do not follow 80 to 20 to 0: chi-square %.1f", got, calls, chi)
	}
	wantOnly(t, p.dialAs("echo", at("zone-c", "")), "zone-c")
}

func TestServicePrefersNearEndpoints(t *testing.T) {
	a, b := newBackend(t, "a", "zone-a"), newBackend(t, "b", "zone-b")
	unavailable := func(_ *testgrpc.SimpleResponse, err error) bool { return status.Code(err) == codes.Unavailable }
	p := newPlane(t, inZones("", a, b))
	onB := p.dialAs("echo", at("zone-a", "zone-b")) // the node and the zone differ, to tell their effects apart
	nowhere := p.dialAs("echo", bootstrap.Options{Namespace: "demo"})
	until(t, onB, "both zones answer while nothing is preferred", spread(t, onB))
	p.write("objects.yaml", inZones(", trafficDistribution: PreferSameNode", a, b))
	until(t, onB, "the endpoint on the node answers", settled(t, onB, "zone-b"))
	p.write("objects.yaml", inZones(", trafficDistribution: PreferClose", a, b))
	until(t, onB, "the endpoint in the zone answers", settled(t, onB, "zone-a"))
	until(t, nowhere, "both zones answer a client that is nowhere", spread(t, nowhere))
	p.write("objects.yaml", inZones(", internalTrafficPolicy: Local", a, b))
	until(t, nowhere, "a client without a node calls nobody", unavailable)
	until(t, onB, "only the endpoint on the node answers", settled(t, onB, "zone-b"))
	b.server.Stop()
	until(t, onB, "no other node stands by", unavailable)
}

// settled reports whether that zone alone answers 20 more calls.
func settled(t *testing.T, client testgrpc.TestServiceClient, zone string) func(*testgrpc.SimpleResponse, error) bool {
	return func(*testgrpc.SimpleResponse, error) bool { return answers(t, client, 20)[zone] == 20 }
}

// spread reports whether both of two zones answer some of 20 calls.
func spread(t *testing.T, client testgrpc.TestServiceClient) func(*testgrpc.SimpleResponse, error) bool {
	return func(*testgrpc.SimpleResponse, error) bool { return len(answers(t, client, 20)) == 2 }
}
