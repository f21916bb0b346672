package behaviour

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/mizzen-mesh/mizzen/test/randomedit"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

var edits = flag.Int("edits", seeds.Count(60), "how many random edits TestRandomEdits makes")

// TestRandomEdits edits rules at random under load. No call may fail: neither when routes name a subset for the first time,
// nor when a subset goes together with the last route to it.
func TestRandomEdits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	hosts := map[string][]*backend{}
	var services []string
	for _, host := range []string{"echo", "cart"} {
		for v := range randomedit.Versions {
			hosts[host] = append(hosts[host], newBackend(t, fmt.Sprint(host, "-", v), fmt.Sprint("v", v)))
		}
		services = append(services, service(host, hosts[host]...))
	}
	p := newPlane(t, services...)
	clients := map[string]testgrpc.TestServiceClient{}
	var stops []func()
	for host := range hosts {
		clients[host] = p.dial(host)
		if _, err := call(t, clients[host]); err != nil {
			t.Fatal(err)
		}
		stops = append(stops, loadOn(t, clients[host]))
	}
	for range *edits {
		p.write("objects.yaml", append(services, randomedit.Rules(random, "echo"), randomedit.Rules(random, "cart"))...)
		for range random.IntN(400) { // Sometimes the next edit comes before clients have followed this one.
			if _, err := call(t, clients["echo"]); err != nil {
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
