package behaviour

import (
	"fmt"
	"testing"
	"time"
)

// policy is a DestinationRule for host with this traffic policy, which is a YAML flow mapping.
func policy(host, traffic string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {host: %s, trafficPolicy: %s}\n", host, host, traffic)
}

// TestOutlierIsEjected: an endpoint with failing calls is ejected after a while, and the others get all calls.
func TestOutlierIsEjected(t *testing.T) {
	good, other, bad := newBackend(t, "a", "v1"), newBackend(t, "b", "v1"), newBackend(t, "c", "v1")
	bad.failures.Store(1 << 30)
	p := newPlane(t, service("echo", good, other, bad),
		policy("echo", "{outlierDetection: {consecutive5xxErrors: 5, interval: 0.1s, baseEjectionTime: 60s}}"),
		routes("echo", "{retries: {attempts: 0}, route: [{destination: {host: echo}}]}"))
	client := p.dial("echo")
	failed, answered := 0, map[string]int{}
	for deadline := time.Now().Add(time.Minute); answered["a"]+answered["b"] < 300; {
		resp, err := call(t, client)
		if err != nil {
			failed, answered = failed+1, map[string]int{}
		}
		answered[resp.GetHostname()]++
		if time.Now().After(deadline) {
			t.Fatalf("calls still fail: %d so far", failed)
		}
	}
	if failed == 0 {
		t.Error("no call failed, so nothing was ejected for its failures")
	}
	if answered["a"] < 100 || answered["b"] < 100 {
		t.Errorf("the calls are spread as %v, want both others to serve alike", answered)
	}
}

// TestHashOfHeader: calls with the same value of the header go to the same backend. Other values are spread, and so
// are calls without the header.
func TestHashOfHeader(t *testing.T) {
	backends := []*backend{newBackend(t, "a", "v1"), newBackend(t, "b", "v1"), newBackend(t, "c", "v2")}
	rule := policy("sticky", "{loadBalancer: {consistentHash: {httpHeaderName: X-User}}}")
	tests := map[string][]string{
		"of the Service itself": {service("sticky", backends...), rule},
		"by a rule": {service("sticky", backends...), rule, routes("sticky",
			"{match: [{headers: {x-never: {}}}], route: [{destination: {host: nobody}}]}", "route: [{destination: {host: sticky}}]")},
	}
	for name, objects := range tests {
		t.Run(name, func(t *testing.T) {
			client := newPlane(t, objects...).dial("sticky")
			home, answered := map[string]string{}, map[string]int{}
			for range 10 {
				for user := range 60 {
					name := fmt.Sprint("user-", user)
					resp, err := call(t, client, "x-user", name)
					if err != nil {
						t.Fatal(err)
					}
					if at, known := home[name]; known && at != resp.GetHostname() {
						t.Fatalf("%s moved from %s to %s", name, at, resp.GetHostname())
					}
					home[name] = resp.GetHostname()
					answered[resp.GetHostname()]++
				}
			}
			if len(answered) != len(backends) {
				t.Errorf("60 users are spread as %v, want all of %d backends to serve", answered, len(backends))
			}
			without := map[string]int{}
			for range 200 {
				resp, err := call(t, client)
				if err != nil {
					t.Fatal(err)
				}
				without[resp.GetHostname()]++
			}
			if len(without) != len(backends) {
				t.Errorf("calls without the header are spread as %v, want all of %d backends to serve", without, len(backends))
			}
		})
	}
}

// TestHashOfChannel: instead of the source address, the channel is hashed, so its calls go to the same backend.
func TestHashOfChannel(t *testing.T) {
	a, b := newBackend(t, "a", "v1"), newBackend(t, "b", "v1")
	p := newPlane(t, service("sticky", a, b), policy("sticky", "{loadBalancer: {consistentHash: {useSourceIp: true}}}"))
	homes := map[string]int{}
	for range 30 {
		client, answered := p.dial("sticky"), map[string]int{}
		for range 10 {
			resp, err := call(t, client)
			if err != nil {
				t.Fatal(err)
			}
			answered[resp.GetHostname()]++
			homes[resp.GetHostname()]++
		}
		if len(answered) != 1 {
			t.Errorf("the calls of one channel are spread as %v, want one backend to serve", answered)
		}
	}
	if len(homes) != 2 {
		t.Errorf("30 channels are spread as %v, want both backends to serve", homes)
	}
}
