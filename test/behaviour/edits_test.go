package behaviour

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

var edits = flag.Int("edits", 60, "how many random edits TestRandomEdits makes")

// TestRandomEdits edits rules at random under load. In all of them every call leads to a running backend, so no call may fail:
// neither when routes name a subset for the first time, nor when a subset goes together with the last route to it.
func TestRandomEdits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	hosts := map[string][]*backend{}
	var services []string
	for _, host := range []string{"echo", "cart"} {
		for v := range 4 {
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
		p.write("objects.yaml", append(services, randomRules(random, "echo"), randomRules(random, "cart"))...)
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

// randomRules are a VirtualService and a DestinationRule for a host, or either, or none. Whatever they are, each call leads to a backend.
func randomRules(random *rand.Rand, host string) string {
	if random.IntN(6) == 0 {
		return ""
	}
	var declared, named []string
	for v := range 4 {
		if random.IntN(2) == 0 {
			declared = append(declared, fmt.Sprintf("{name: s%d, labels: {version: v%d}, trafficPolicy: {%s}}", v, v, randomPolicy(random)))
			named = append(named, fmt.Sprint("s", v))
		}
	}
	policy := fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {host: %s, trafficPolicy: {%s}, subsets: [%s]}\n", host, host, randomPolicy(random), strings.Join(declared, ", "))
	if random.IntN(4) == 0 {
		return policy
	}
	var rules []string
	for range random.IntN(3) {
		matches := []string{"uri: {prefix: /other}", "headers: {x-user: {exact: ann}}", "sourceNamespace: demo", "headers: {x-user: {regex: a.*}}"}
		rules = append(rules, fmt.Sprintf("{match: [{%s}], %s}", matches[random.IntN(len(matches))], randomRoute(random, host, named)))
	}
	rules = append(rules, fmt.Sprintf("{%s}", randomRoute(random, host, named)))
	return policy + "---\n" + routes(host, rules...)
}

func randomPolicy(random *rand.Rand) string {
	policies := []string{
		"", "loadBalancer: {simple: LEAST_REQUEST}", "loadBalancer: {simple: ROUND_ROBIN}", "loadBalancer: {simple: RANDOM}",
		"loadBalancer: {consistentHash: {httpHeaderName: x-user}}", "outlierDetection: {consecutive5xxErrors: 5}",
		"connectionPool: {http: {http2MaxRequests: 10000}}",
	}
	return policies[random.IntN(len(policies))]
}

func randomRoute(random *rand.Rand, host string, subsets []string) string {
	destinations := []string{fmt.Sprintf("{destination: {host: %s}, weight: %d}", host, 1+random.IntN(100))}
	for _, name := range subsets {
		if random.IntN(3) > 0 {
			destinations = append(destinations, fmt.Sprintf("{destination: {host: %s, subset: %s}, weight: %d}", host, name, random.IntN(2)*random.IntN(100)))
		}
	}
	if len(subsets) > 0 && random.IntN(2) == 0 {
		destinations = []string{fmt.Sprintf("{destination: {host: %s, subset: %s}}", host, subsets[random.IntN(len(subsets))])}
	}
	settings := []string{"", "timeout: 20s, ", "retries: {attempts: 0}, ", "retries: {attempts: 2, retryOn: unavailable}, "}
	return fmt.Sprintf("%sroute: [%s]", settings[random.IntN(len(settings))], strings.Join(destinations, ", "))
}
