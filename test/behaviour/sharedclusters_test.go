package behaviour

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// TestRandomEditsOfHostsThatShareClusters edits rules faster than clients acknowledge them. Channels of one process share a
// stream, and routes of one host lead to clusters of another. No call may fail.
func TestRandomEditsOfHostsThatShareClusters(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	var services []string
	names := []string{"echo", "cart"}
	for _, host := range names {
		var backends []*backend
		for v := range 3 {
			backends = append(backends, newBackend(t, fmt.Sprint(host, "-", v), fmt.Sprint("v", v)))
		}
		services = append(services, service(host, backends...))
	}
	p := newPlane(t, services...)
	config, err := bootstrap.JSON(bootstrap.Options{Namespace: "demo", ServerURI: p.xds, NodeID: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := xds.NewXDSResolverWithConfigForTesting(config)
	if err != nil {
		t.Fatal(err)
	}
	var stops []func()
	var client testgrpc.TestServiceClient
	for _, target := range []string{"echo", "echo:80", "cart", "cart.demo"} {
		channel, err := grpc.NewClient("xds:///"+target, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = channel.Close() })
		client = testgrpc.NewTestServiceClient(channel)
		if _, err := call(t, client); err != nil {
			t.Fatal(err)
		}
		stops = append(stops, loadOn(t, client))
	}
	for range *edits {
		objects := services
		for _, host := range names {
			objects = append(objects, crossRules(random, host, names[random.IntN(2)]))
		}
		p.write("objects.yaml", objects...)
		for range random.IntN(20) {
			if _, err := call(t, client); err != nil {
				t.Fatal(err)
			}
		}
		if t.Failed() {
			break
		}
	}
	for _, stop := range stops {
		stop()
	}
}

// crossRules are a DestinationRule with subsets for a host, and mostly a VirtualService that leads to subsets of both hosts.
func crossRules(random *rand.Rand, host, other string) string {
	var destinations, subsets []string
	for v := range 3 {
		subsets = append(subsets, fmt.Sprintf("{name: s%d, labels: {version: v%d}}", v, v))
		for _, to := range []string{host, other} {
			if random.IntN(2) == 0 {
				destinations = append(destinations, fmt.Sprintf("{destination: {host: %s, subset: s%d}, weight: %d}", to, v, random.IntN(2)*random.IntN(100)))
			}
		}
	}
	policy := fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {host: %[1]s, subsets: [%s]}\n", host, strings.Join(subsets, ", "))
	if random.IntN(8) == 0 {
		return policy
	}
	destinations = append(destinations, fmt.Sprintf("{destination: {host: %s}, weight: 1}", other))
	return policy + "---\n" + routes(host, fmt.Sprintf("{route: [%s]}", strings.Join(destinations, ", ")))
}
